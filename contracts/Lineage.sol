// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LineageInputs} from "./LineageInputs.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILineage} from "./interfaces/ILineage.sol";
import {ACT_DERIVE} from "./types/Acts.sol";
import {
    Activity,
    ActivityId,
    ActivityKind,
    ActivityRecord,
    Input,
    NO_ACTIVITY,
    Output,
    Source
} from "./types/Activity.sol";
import {Classification, Content} from "./types/Dataset.sol";
import {BadStatus, EvidenceMissing, InvalidField, NotFound} from "./types/Errors.sol";
import {SCOPE_VERSION} from "./types/Holds.sol";
import {DatasetId, NO_DATASET, NO_PARTY, PartyId} from "./types/Ids.sol";
import {NO_GRANT, NO_POLICY, PolicyId} from "./types/Policy.sol";
import {ROLES_SUPPLYING} from "./types/Roles.sol";
import {datasetSubject, grantSubject, KIND_ACTIVITY, LEDGER, partySubject, Subject} from "./types/Subject.sol";
import {Right} from "./types/Units.sol";

/// @title Lineage
/// @notice See {ILineage}. This file: activities and their outputs; inputs are in {LineageInputs}.
contract Lineage is LineageInputs {
    /// @dev What an activity says in its event beside its details.
    struct Outcome {
        ActivityId id;
        DatasetId output;
        uint32 version;
        PolicyId ceiling;
        bool homeTaint;
        ActivityId supersedes;
        bytes32 reasonHash;
    }

    // Of activities without an output: an output names the activity that stands for it.
    mapping(ActivityId id => ActivityRecord) private _records;
    // Of those that brought a version: a version that has no order was collected whatever is said here.
    mapping(ActivityId id => bool) private _collections;
    uint64 private _count;

    constructor(IDirectory directory) LineageInputs(directory) {}

    /// @inheritdoc ILineage
    function derive(
        Activity calldata details,
        Input[] calldata inputs,
        Output calldata output,
        PartyId onBehalfOf
    ) external returns (ActivityId, DatasetId, uint32) {
        // Who brings data has to be admitted for it, as for any registration.
        bool brings = details.kind == ActivityKind.COLLECT && output.dataset == NO_DATASET;
        PartyId party = _actingParty(onBehalfOf, output.dataset, brings ? ROLES_SUPPLYING : 0);
        _requireDetails(details, inputs.length, true);
        if (output.content.activity != 0) revert InvalidField("activity");
        Outcome memory outcome;
        outcome.id = _next();
        outcome.version = output.version;
        if (details.kind == ActivityKind.COLLECT) {
            DATASETS.requireUnbound(output.content.root, output.dataset, party);
            _collections[outcome.id] = true;
        }
        outcome.output =
            output.dataset == NO_DATASET
            ? _deriveNew(party, details, inputs, output, outcome)
            : _deriveNext(party, details, inputs, output, outcome);
        _announce(party, onBehalfOf, details, inputs, outcome);
        return (outcome.id, outcome.output, outcome.version);
    }

    /// @inheritdoc ILineage
    function record(
        Activity calldata details,
        Input[] calldata inputs,
        DatasetId output,
        uint32 version,
        PartyId onBehalfOf
    ) external returns (ActivityId) {
        PartyId party = _actingParty(onBehalfOf, output, 0);
        bool collects = output != NO_DATASET;
        _requireDetails(details, inputs.length, collects);
        Outcome memory outcome;
        outcome.id = _next();
        outcome.output = output;
        outcome.version = version;
        if (collects) {
            _collect(party, details, outcome);
        } else {
            if (version != 0) revert InvalidField("version");
            _gather(_making(party, details, false, type(uint64).max, 0), inputs);
            _records[outcome.id] = ActivityRecord(party, NO_ACTIVITY);
        }
        _announce(party, onBehalfOf, details, inputs, outcome);
        return outcome.id;
    }

    /// @inheritdoc ILineage
    function supersede(
        ActivityId superseded,
        Activity calldata details,
        Input[] calldata inputs,
        DatasetId output,
        uint32 version,
        bytes32 reasonHash,
        PartyId onBehalfOf
    ) external returns (ActivityId) {
        PartyId party = _actingParty(onBehalfOf, output, 0);
        if (reasonHash == 0) revert EvidenceMissing();
        _requireDetails(details, inputs.length, output != NO_DATASET);
        Outcome memory outcome = Outcome({
            id: _next(),
            output: output,
            version: version,
            ceiling: NO_POLICY,
            homeTaint: false,
            supersedes: superseded,
            reasonHash: reasonHash
        });
        if (output == NO_DATASET) {
            _replace(party, outcome);
            _gather(_making(party, details, false, type(uint64).max, 0), inputs);
        } else {
            _requireStands(party, outcome);
            _deriveAgain(party, details, inputs, outcome);
        }
        _announce(party, onBehalfOf, details, inputs, outcome);
        return outcome.id;
    }

    /// @inheritdoc ILineage
    function count() external view returns (uint64) {
        return _count;
    }

    /// @inheritdoc ILineage
    function activityOf(DatasetId dataset, uint32 version) external view returns (ActivityId) {
        return DATASETS.activityOf(dataset, version);
    }

    /// @inheritdoc ILineage
    function recordOf(ActivityId id) external view returns (ActivityRecord memory) {
        return _existing(id);
    }

    /// @dev Whoever recorded an activity without an output corrects it, once.
    function _replace(PartyId party, Outcome memory outcome) private {
        ActivityId superseded = outcome.supersedes;
        ActivityRecord storage before = _existing(superseded);
        if (outcome.version != 0) revert InvalidField("version");
        if (before.party != party) revert NotActivityParty(superseded, party);
        if (before.supersededBy != NO_ACTIVITY) {
            revert BadStatus(KIND_ACTIVITY, ActivityId.unwrap(superseded), 0);
        }
        before.supersededBy = outcome.id;
        _records[outcome.id] = ActivityRecord(party, NO_ACTIVITY);
    }

    function _next() private returns (ActivityId) {
        return ActivityId.wrap(++_count);
    }

    function _deriveNew(
        PartyId party,
        Activity calldata details,
        Input[] calldata inputs,
        Output calldata output,
        Outcome memory outcome
    ) private returns (DatasetId) {
        if (output.version != 1) revert InvalidField("version");
        Classification calldata given = output.classification;
        Making memory making =
            _making(party, details, true, ActivityId.unwrap(outcome.id), given.originCountry);
        _gather(making, inputs);
        _requireLevel(making, given.level, given.piKind);
        if (making.count != 0) outcome.ceiling = POLICIES.storeFold(NO_POLICY, making.policies);
        outcome.homeTaint = making.homeTaint;
        return DATASETS.registerDerived(
            party, given, output.sourceHash, _contentOf(output, outcome.id), outcome.ceiling, outcome.homeTaint
        );
    }

    function _deriveNext(
        PartyId party,
        Activity calldata details,
        Input[] calldata inputs,
        Output calldata output,
        Outcome memory outcome
    ) private returns (DatasetId id) {
        id = output.dataset;
        // The first version's is asked for what all have in common.
        Source memory own = DATASETS.source(id, 1);
        Making memory making = _gatherFor(party, details, inputs, own, ActivityId.unwrap(outcome.id));
        outcome.ceiling = own.ceiling;
        if (making.count != 0) POLICIES.requireFoldCovers(own.ceiling, making.policies);
        outcome.homeTaint = own.homeTaint || making.homeTaint;
        DATASETS.publishDerived(party, id, output.version, _contentOf(output, outcome.id), outcome.homeTaint);
    }

    /// @dev The ceiling of the dataset counts whole, so that a correction never raises it.
    function _deriveAgain(
        PartyId party,
        Activity calldata details,
        Input[] calldata inputs,
        Outcome memory outcome
    ) private {
        Source memory own = DATASETS.source(outcome.output, outcome.version);
        if (details.kind == ActivityKind.COLLECT && own.order != 0) {
            if (!_collections[outcome.supersedes]) revert NotCollected(outcome.supersedes);
            _collections[outcome.id] = true;
        }
        Making memory making = _gatherFor(party, details, inputs, own, own.order);
        outcome.ceiling = own.ceiling;
        if (making.count != 0) outcome.ceiling = POLICIES.storeFold(own.ceiling, making.policies);
        outcome.homeTaint = own.homeTaint || making.homeTaint;
        _setActivity(party, outcome);
    }

    function _collect(PartyId party, Activity calldata details, Outcome memory outcome) private {
        if (details.kind != ActivityKind.COLLECT) revert InvalidField("kind");
        TITLES.requireMayAct(outcome.output, Right.HOLD, party);
        ActivityId known = DATASETS.activityOf(outcome.output, outcome.version);
        if (known != NO_ACTIVITY) revert ActivityKnown(known);
        (outcome.ceiling, outcome.homeTaint) = DATASETS.ceiling(outcome.output);
        _setActivity(party, outcome);
    }

    function _setActivity(PartyId party, Outcome memory outcome) private {
        PARTIES.requireClear(party, SCOPE_VERSION);
        DATASETS.setActivity(outcome.output, outcome.version, outcome.id, outcome.ceiling, outcome.homeTaint);
    }

    /// @dev Gathers the inputs of a version of a dataset that has its classification.
    function _gatherFor(
        PartyId party,
        Activity calldata details,
        Input[] calldata inputs,
        Source memory own,
        uint64 order
    ) private returns (Making memory making) {
        making = _making(party, details, true, order, own.originCountry);
        _gather(making, inputs);
        _requireLevel(making, own.level, own.piKind);
    }

    function _announce(
        PartyId party,
        PartyId onBehalfOf,
        Activity calldata details,
        Input[] calldata inputs,
        Outcome memory outcome
    ) private {
        Subject derived = outcome.output == NO_DATASET ? LEDGER : datasetSubject(outcome.output);
        _log(
            ActivityRecorded.selector,
            derived,
            partySubject(party),
            _agentOf(party, onBehalfOf),
            abi.encode(
                outcome.id,
                outcome.version,
                details,
                outcome.ceiling,
                outcome.homeTaint,
                outcome.supersedes,
                outcome.reasonHash
            )
        );
        for (uint256 i = 0; i < inputs.length; ++i) {
            _log(
                DerivationRecorded.selector,
                datasetSubject(inputs[i].dataset),
                derived,
                inputs[i].grant == NO_GRANT ? LEDGER : grantSubject(inputs[i].grant),
                abi.encode(outcome.id, inputs[i].version, outcome.version)
            );
        }
    }

    /// @dev The delegate who acted; nobody if the party did by itself.
    function _agentOf(PartyId party, PartyId onBehalfOf) private view returns (Subject) {
        if (onBehalfOf == NO_PARTY) return LEDGER;
        PartyId agent = PARTIES.partyOf(_msgSender());
        return agent == party ? LEDGER : partySubject(agent);
    }

    function _actingParty(PartyId onBehalfOf, DatasetId dataset, uint32 roles) private view returns (PartyId) {
        return PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_DERIVE, dataset, roles);
    }

    /// @dev The activity stands for its output, so it was not superseded yet. A correction may lower
    /// the ceiling of what came out, so it is for whoever holds that now.
    function _requireStands(PartyId party, Outcome memory outcome) private view {
        ActivityId stands = DATASETS.activityOf(outcome.output, outcome.version);
        if (stands == NO_ACTIVITY) revert NotFound(KIND_ACTIVITY, ActivityId.unwrap(outcome.supersedes));
        TITLES.requireMayAct(outcome.output, Right.HOLD, party);
        if (stands != outcome.supersedes) revert ActivityKnown(stands);
    }

    function _existing(ActivityId id) private view returns (ActivityRecord storage found) {
        found = _records[id];
        if (found.party == NO_PARTY) revert NotFound(KIND_ACTIVITY, ActivityId.unwrap(id));
    }

    function _contentOf(Output calldata output, ActivityId id) private pure returns (Content memory content) {
        content = output.content;
        content.activity = ActivityId.unwrap(id);
    }
}
