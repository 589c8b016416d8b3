// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {ILineage} from "../../../contracts/interfaces/ILineage.sol";
import {Activity, ActivityId, ActivityKind, Input, Output} from "../../../contracts/types/Activity.sol";
import {Classification, Level, PiKind} from "../../../contracts/types/Dataset.sol";
import {DatasetId, NO_DATASET, NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {
    Derivation,
    GrantId,
    GrantTerms,
    NO_GRANT,
    Policy,
    PolicyId,
    TerritoryId
} from "../../../contracts/types/Policy.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {DerivedLedger} from "./DerivedLedger.sol";

/// @notice Random acts on lineage by four parties, and what the tests remember of them. They are
/// tried whether they may or not: a refusal is no failure, a wrong success is. What is remembered
/// comes from logs alone.
abstract contract LineageActs is DerivedLedger {
    /// @dev One input of one activity, and what bounded it then.
    struct Edge {
        uint64 source;
        uint32 sourceVersion;
        uint64 derived;
        uint32 derivedVersion;
        uint64 grant;
        uint64 ceiling; // of the source
        bool homeTaint; // of the source
    }

    /// @dev What was said of an activity; `over` once it is corrected.
    struct Past {
        uint64 output;
        uint32 version;
        uint64 party;
        bool over;
    }

    uint64 private constant SOURCES = 6;
    uint64 private constant MOST = 20; // datasets

    Actor[] internal people;
    PolicyId[] internal stored;
    Edge[] internal edges;
    uint64 internal activities;
    mapping(uint64 dataset => uint64) internal ceilings;
    mapping(uint64 dataset => bool) internal taints;
    mapping(uint64 dataset => mapping(uint32 version => uint64)) internal current;
    mapping(uint64 activity => Past) private _past;
    uint256 private _salt;
    uint256 public bounded; // how often a ceiling or a taint changed

    mapping(bytes32 topic0 => uint256) public done; // how often an event was seen

    constructor() {
        setUp();
        people.push(holder);
        people.push(taker);
        people.push(other);
        people.push(third);
        for (uint256 i = 0; i < 6; ++i) {
            Policy memory terms = widest();
            if (i % 2 == 1) (terms.purposes, terms.duties) = (uint64(7 + 2 * i), uint16(1) << uint16(3 + i));
            if (i % 3 == 2) terms.territory = policies.count() % 2 == 0 ? terms.territory : _cn();
            if (i == 4) (terms.derivation, terms.maxUses) = (Derivation.ATTRIBUTION_ONLY, 3);
            stored.push(store(terms));
        }
        takeLogs();
    }

    function _cn() private returns (TerritoryId) {
        vm.prank(holder.account);
        return policies.storeTerritory(countries("CN"));
    }

    modifier act() {
        _;
        _remember(takeLogs());
    }

    function _id(bytes32 topic) private pure returns (uint64) {
        return uint64(uint256(topic));
    }

    function _remember(Vm.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 name = logs[i].topics[0];
            ++done[name];
            if (name == ILineage.ActivityRecorded.selector) _rememberActivity(logs[i]);
            if (name == ILineage.DerivationRecorded.selector) _rememberEdge(logs[i]);
            if (name == ILicenses.GrantIssued.selector) {
                (, GrantTerms memory terms,) = abi.decode(logs[i].data, (uint64, GrantTerms, uint64));
                uint64 ceiling = ceilings[_id(logs[i].topics[1])];
                if (ceiling != 0) policies.requireWithinCeiling(terms.policy, PolicyId.wrap(ceiling));
            }
        }
    }

    function _rememberCeiling(uint64 id, uint64 ceiling, bool homeTaint) private {
        if (ceiling != ceilings[id] || homeTaint != taints[id]) ++bounded;
        assertTrue(homeTaint || !taints[id], "taint never goes away");
        if (ceilings[id] != 0) policies.requireWithinCeiling(PolicyId.wrap(ceiling), PolicyId.wrap(ceilings[id]));
        (ceilings[id], taints[id]) = (ceiling, homeTaint);
    }

    function _rememberActivity(Vm.Log memory log) private {
        assertEq(log.emitter, address(lineage));
        (uint64 id, uint32 version,, uint64 ceiling, bool homeTaint, uint64 supersedes,) =
            abi.decode(log.data, (uint64, uint32, Activity, uint64, bool, uint64, bytes32));
        assertEq(id, ++activities, "activity numbers have no gaps");
        uint64 output = _id(log.topics[1]);
        if (output == 0) assertTrue(ceiling == 0 && !homeTaint, "what has no output has no ceiling");
        else _rememberCeiling(output, ceiling, homeTaint);
        Past memory corrected = _past[supersedes];
        assertFalse(corrected.over, "corrected once");
        if (supersedes != 0) {
            assertTrue(corrected.output == output && corrected.version == version, "its output stays");
            if (output == 0) assertEq(_id(log.topics[2]), corrected.party, "by whom it was recorded");
            _past[supersedes].over = true;
        }
        _past[id] = Past(output, version, _id(log.topics[2]), false);
        if (output != 0) current[output][version] = id;
    }

    function _rememberEdge(Vm.Log memory log) private {
        (uint64 id, uint32 sourceVersion, uint32 version) = abi.decode(log.data, (uint64, uint32, uint32));
        assertEq(id, activities, "inputs follow their activity");
        uint64 source = _id(log.topics[1]);
        edges.push(
            Edge({
                source: source,
                sourceVersion: sourceVersion,
                derived: _id(log.topics[2]),
                derivedVersion: version,
                grant: _id(log.topics[3]),
                ceiling: ceilings[source],
                homeTaint: taints[source]
            })
        );
    }

    /// @dev Refused or not, as the contract decides.
    function _try(Actor memory actor, address module, bytes memory data) private {
        vm.prank(actor.account);
        (bool success, bytes memory reason) = module.call(data);
        if (success) return;
        vm.getRecordedLogs(); // it undid what it logged
        assertTrue(bytes4(reason) != bytes4(0x4e487b71), "a refusal has a reason, never a panic");
    }

    function _dataset(uint256 seed) private view returns (DatasetId) {
        return DatasetId.wrap(uint64(1 + seed % datasets.count()));
    }

    function _version(DatasetId id, uint256 seed) private view returns (uint32) {
        return uint32(1 + seed % datasets.dataset(id).versions);
    }

    /// @dev Whoever may act under the HOLD title.
    function _holderOf(DatasetId id) private view returns (Actor memory) {
        for (uint256 i = 0; i < 4; ++i) if (titles.mayAct(id, Right.HOLD, people[i].party)) return people[i];
        return people[0];
    }

    /// @dev The last grant of the party on the dataset, or none.
    function _grantOf(DatasetId id, Actor memory actor) private view returns (GrantId) {
        if (titles.mayAct(id, Right.USE, actor.party)) return NO_GRANT;
        for (uint64 g = licenses.grantCount(); g > 0; --g) {
            GrantId grant = GrantId.wrap(g);
            if (licenses.grant(grant).dataset == id && licenses.grant(grant).grantee == actor.party) return grant;
        }
        return NO_GRANT;
    }

    function _inputs(Actor memory actor, uint256 seed) private view returns (Input[] memory inputs) {
        inputs = new Input[](1 + seed % 3);
        for (uint256 i = 0; i < inputs.length; ++i) {
            DatasetId id = _dataset(seed >> (8 + 16 * i));
            inputs[i] = Input(id, _version(id, seed >> (16 + 16 * i)), _grantOf(id, actor));
        }
    }

    function _classification(uint256 seed) private pure returns (Classification memory given) {
        given = classification();
        if (seed % 3 == 0) given.level = Level.IMPORTANT;
        if (seed / 3 % 4 == 0) given.piKind = PiKind((seed >> 8) % 3);
        if (seed >> 16 & 1 == 0) given.originCountry = "DE";
    }

    function _newRoot() private returns (bytes32) {
        return bytes32(++_salt);
    }

    function register(uint256 who, uint256 seed) external act {
        if (datasets.count() >= SOURCES) return;
        Classification memory given = _classification(seed | 1 << 200);
        _try(
            people[who % 2],
            address(datasets),
            abi.encodeCall(IDatasets.register, (given, SOURCE, contentOf(_newRoot()), NO_PARTY))
        );
    }

    function publish(uint256 which) external act {
        DatasetId id = _dataset(which);
        uint32 next = datasets.dataset(id).versions + 1;
        if (next > 5) return;
        bytes memory data = abi.encodeCall(IDatasets.publish, (id, next, contentOf(_newRoot()), NO_PARTY));
        _try(_holderOf(id), address(datasets), data);
    }

    function withdraw(uint256 which, uint256 rarely) external act {
        DatasetId id = _dataset(which);
        if (rarely % 8 != 0) return;
        bytes memory data =
            abi.encodeCall(IDatasets.withdrawVersion, (id, _version(id, rarely >> 8), REASON, NO_PARTY));
        _try(_holderOf(id), address(datasets), data);
    }

    function issue(uint256 which, uint256 to, uint256 seed) external act {
        if (licenses.grantCount() > 60) return;
        DatasetId id = _dataset(which);
        // Of what is bound, often the ceiling itself.
        PolicyId policy = stored[seed % stored.length];
        if (ceilings[DatasetId.unwrap(id)] != 0 && seed >> 8 & 1 == 0) policy = ceilingOf(id);
        GrantTerms memory terms = rootTerms(policy);
        (terms.dataset, terms.grantee) = (id, people[to % 4].party);
        terms.uses = policies.policy(policy).maxUses;
        _try(_holderOf(id), address(licenses), abi.encodeCall(ILicenses.issue, (terms, NO_PARTY)));
    }

    function derive(uint256 who, uint256 seed, uint256 kind) external act {
        if (datasets.count() >= MOST) return;
        Actor memory actor = people[who % 4];
        Output memory output = outputOf(_newRoot());
        output.classification = _classification(kind);
        // Mostly high enough.
        if (kind >> 32 & 3 != 0) {
            (output.classification.level, output.classification.piKind) = (Level.IMPORTANT, PiKind.SENSITIVE);
        }
        Activity memory what = details(ActivityKind(2 + (kind >> 40) % 7));
        bytes memory data = abi.encodeCall(ILineage.derive, (what, _inputs(actor, seed), output, NO_PARTY));
        _try(actor, address(lineage), data);
    }

    function deriveNext(uint256 which, uint256 seed) external act {
        DatasetId id = _dataset(which);
        uint32 next = datasets.dataset(id).versions + 1;
        if (next > 5) return;
        Actor memory actor = _holderOf(id);
        Output memory output = outputOf(_newRoot(), id, next);
        Activity memory what = details(ActivityKind.JOIN);
        bytes memory data = abi.encodeCall(ILineage.derive, (what, _inputs(actor, seed), output, NO_PARTY));
        _try(actor, address(lineage), data);
    }

    function collect(uint256 which, uint256 seed) external act {
        DatasetId id = _dataset(which);
        Activity memory what = details(ActivityKind.COLLECT);
        bytes memory data =
            abi.encodeCall(ILineage.record, (what, noInputs(), id, _version(id, seed), NO_PARTY));
        _try(_holderOf(id), address(lineage), data);
    }

    function applyTo(uint256 who, uint256 seed) external act {
        if (activities > 80) return;
        Actor memory actor = people[who % 4];
        Activity memory what = details(ActivityKind.APPLY);
        bytes memory data =
            abi.encodeCall(ILineage.record, (what, _inputs(actor, seed), NO_DATASET, 0, NO_PARTY));
        _try(actor, address(lineage), data);
    }

    function supersede(uint256 which, uint256 seed) external act {
        if (activities == 0 || activities > 80) return;
        ActivityId id = ActivityId.wrap(uint64(1 + which % activities));
        // Mostly of the output that it has.
        Past memory said = _past[uint64(1 + (seed >> 128 & 7 == 0 ? seed : which) % activities)];
        Actor memory actor = people[0];
        for (uint256 i = 0; i < 4; ++i) if (PartyId.unwrap(people[i].party) == said.party) actor = people[i];
        Activity memory what = details(ActivityKind.TRANSFORM);
        Input[] memory inputs = _inputs(actor, seed);
        DatasetId output = DatasetId.wrap(said.output);
        bytes memory data =
            abi.encodeCall(ILineage.supersede, (id, what, inputs, output, said.version, REASON, NO_PARTY));
        _try(actor, address(lineage), data);
    }
}
