// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {IDatasets} from "./interfaces/IDatasets.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {IParties} from "./interfaces/IParties.sol";
import {IPolicies} from "./interfaces/IPolicies.sol";
import {ISupervision} from "./interfaces/ISupervision.sol";
import {ITitles} from "./interfaces/ITitles.sol";
import {Activity, ActivityKind, Input, Source} from "./types/Activity.sol";
import {DatasetStatus, Level, PiKind, VersionStatus} from "./types/Dataset.sol";
import {BadStatus, InvalidField, NotFound} from "./types/Errors.sol";
import {SCOPE_DERIVE, SCOPE_USE} from "./types/Holds.sol";
import {DatasetId, PartyId} from "./types/Ids.sol";
import {
    ACTION_AGGREGATE,
    ACTION_ANONYMISE,
    ACTION_COMPUTE,
    ACTION_DELETE,
    ACTION_MODIFY,
    ACTION_READ,
    ACTION_TRAIN,
    Bounds,
    Code,
    Inactive,
    NO_GRANT,
    NO_POLICY,
    PolicyId,
    UseRequest
} from "./types/Policy.sol";
import {datasetSubject, KIND_DATASET, KIND_VERSION} from "./types/Subject.sol";
import {Right} from "./types/Units.sol";

/// @title Inputs of activities
/// @notice The part of {ILineage} that says whether a party may use these inputs for this, and what
/// follows from them for an output.
abstract contract LineageInputs is LedgerModule, ILineage {
    /// @dev What is made from the inputs, and what was gathered from them.
    struct Making {
        PartyId party;
        UseRequest request;
        bool derives;
        bool deletes;
        uint64 order; // each input has a lower one
        bytes2 originCountry; // of the output
        PolicyId[] policies; // of which the first `count` are set
        uint256 count;
        Level level;
        PiKind piKind;
        bool homeTaint;
    }

    uint256 private constant MAX_INPUTS = 16;

    IParties internal immutable PARTIES;
    ISupervision internal immutable SUPERVISION;
    ITitles internal immutable TITLES;
    IDatasets internal immutable DATASETS;
    IPolicies internal immutable POLICIES;
    ILicenses internal immutable LICENSES;

    constructor(IDirectory directory) LedgerModule(directory) {
        PARTIES = IParties(directory.addressOf("Parties"));
        SUPERVISION = ISupervision(directory.addressOf("Supervision"));
        TITLES = ITitles(directory.addressOf("Titles"));
        DATASETS = IDatasets(directory.addressOf("Datasets"));
        POLICIES = IPolicies(directory.addressOf("Policies"));
        LICENSES = ILicenses(directory.addressOf("Licenses"));
    }

    /// @dev Checks the inputs in their order, charges their grants, and gathers what they say.
    function _gather(Making memory making, Input[] calldata inputs) internal {
        making.policies = new PolicyId[](2 * inputs.length);
        for (uint256 i = 0; i < inputs.length; ++i) {
            Input calldata input = inputs[i];
            for (uint256 j = 0; j < i; ++j) {
                bool same = input.dataset == inputs[j].dataset && input.version == inputs[j].version;
                if (same) revert InvalidField("inputs");
            }
            _take(making, input);
        }
        if (making.count != 0) _shorten(making);
    }

    /// @dev As kinds of activities require them.
    function _requireDetails(Activity calldata details, uint256 inputs, bool derives) internal view {
        ActivityKind kind = details.kind;
        bool hasOutput = kind != ActivityKind.APPLY && kind != ActivityKind.DELETE;
        if (kind == ActivityKind.NONE || (derives && !hasOutput)) revert InvalidField("kind");
        bool collects = kind == ActivityKind.COLLECT;
        if (collects && !derives) revert InvalidField("kind");
        if (collects != (inputs == 0) || inputs > MAX_INPUTS) revert InvalidField("inputs");
        bool inOrder = details.startedAt <= details.endedAt && details.endedAt <= block.timestamp;
        if (!inOrder) revert BadTimeRange(details.startedAt, details.endedAt);
    }

    /// @dev The output is not classified lower than any input (就高从严).
    function _requireLevel(Making memory making, Level level, PiKind piKind) internal pure {
        if (level < making.level || piKind < making.piKind) revert LevelDowngrade(making.level, making.piKind);
    }

    function _making(PartyId party, Activity calldata details, bool derives, uint64 order, bytes2 originCountry)
        internal
        pure
        returns (Making memory making)
    {
        making.party = party;
        making.request = UseRequest({
            action: _actionOf(details.kind),
            purpose: details.purpose,
            industry: details.industry,
            mode: details.mode,
            country: details.country,
            securityGrade: details.securityGrade
        });
        making.derives = derives;
        making.deletes = details.kind == ActivityKind.DELETE;
        making.order = order;
        making.originCountry = originCountry;
    }

    function _take(Making memory making, Input calldata input) private {
        Source memory source = DATASETS.source(input.dataset, input.version);
        if (source.status == VersionStatus.NONE) revert NotFound(KIND_VERSION, input.version);
        if (!making.deletes) _requireUsable(input, source);
        if (source.order >= making.order) revert LineageCycle(input.dataset, input.version);
        if (input.grant == NO_GRANT) {
            _requireTitle(making, input, source);
        } else {
            _takeUnderGrant(making, input);
        }
        // Data may be deleted by whoever holds it, whatever it was made from.
        if (!making.deletes && source.ceiling != NO_POLICY) _requireCeiling(making, input, source.ceiling);
        if (!making.derives) return;
        if (source.ceiling != NO_POLICY) making.policies[making.count++] = source.ceiling;
        if (source.level > making.level) making.level = source.level;
        if (source.piKind > making.piKind) making.piKind = source.piKind;
        // Data of the origin that the output declares is judged by that; of another it would go
        // unnoticed, once the two are one (domain 3.2, A5).
        bool grave = source.level >= Level.IMPORTANT || source.piKind != PiKind.NONE;
        bool foreign = grave && source.originCountry != making.originCountry;
        making.homeTaint = making.homeTaint || source.homeTaint || foreign;
    }

    function _takeUnderGrant(Making memory making, Input calldata input) private {
        (PolicyId policy, bool mayDerive) =
            LICENSES.exercise(input.grant, input.dataset, making.party, making.request, making.derives);
        if (policy == NO_POLICY) revert InputNotCovered(input.dataset, input.version);
        if (!making.derives) return;
        if (!mayDerive) revert DerivativeForbidden(input.dataset, input.version);
        making.policies[making.count++] = policy;
    }

    function _requireTitle(Making memory making, Input calldata input, Source memory source) private view {
        Right right = making.deletes ? Right.HOLD : Right.USE;
        if (!TITLES.mayAct(input.dataset, right, making.party)) revert InputNotCovered(input.dataset, input.version);
        uint16 scopes = making.derives ? SCOPE_USE | SCOPE_DERIVE : SCOPE_USE;
        if (source.held) SUPERVISION.requireClear(datasetSubject(input.dataset), scopes);
        PARTIES.requireClear(making.party, scopes);
    }

    /// @dev What an input was made from permits this now. A grant was within that when it was cut, but
    /// a correction may have lowered it since.
    function _requireCeiling(Making memory making, Input calldata input, PolicyId ceiling) private view {
        Bounds memory bounds = POLICIES.boundsOf(ceiling);
        (, uint32 roles,) = PARTIES.standingOf(making.party);
        (Code code, uint64 detail) = POLICIES.judge(ceiling, roles, true, making.request);
        if (block.timestamp < bounds.notBefore) {
            (code, detail) = (Code.GRANT_NOT_ACTIVE, uint64(Inactive.NOT_YET));
        } else if (block.timestamp > bounds.notAfter) {
            (code, detail) = (Code.GRANT_NOT_ACTIVE, uint64(Inactive.EXPIRED));
        }
        if (code != Code.PERMITTED) revert CeilingForbids(input.dataset, input.version, code, detail);
    }

    function _requireUsable(Input calldata input, Source memory source) private pure {
        if (!source.registered) {
            uint64 id = DatasetId.unwrap(input.dataset);
            revert BadStatus(KIND_DATASET, id, uint8(DatasetStatus.DEREGISTERED));
        }
        if (source.status == VersionStatus.WITHDRAWN) revert InputWithdrawn(input.dataset, input.version);
    }

    /// @dev Cuts the list of policies to those that are set.
    function _shorten(Making memory making) private pure {
        PolicyId[] memory found = new PolicyId[](making.count);
        for (uint256 i = 0; i < making.count; ++i) {
            found[i] = making.policies[i];
        }
        making.policies = found;
    }

    function _actionOf(ActivityKind kind) private pure returns (uint32) {
        if (kind == ActivityKind.CLEAN || kind == ActivityKind.TRANSFORM) return ACTION_MODIFY;
        if (kind == ActivityKind.JOIN) return ACTION_AGGREGATE;
        if (kind == ActivityKind.ANONYMIZE) return ACTION_ANONYMISE;
        if (kind == ActivityKind.TRAIN) return ACTION_TRAIN;
        if (kind == ActivityKind.INFER || kind == ActivityKind.SECURE_COMPUTE) return ACTION_COMPUTE;
        if (kind == ActivityKind.APPLY) return ACTION_READ;
        return ACTION_DELETE;
    }
}
