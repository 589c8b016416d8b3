// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Activity, ActivityId, ActivityKind, Input, Output} from "../../../contracts/types/Activity.sol";
import {DatasetId, NO_DATASET, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {GrantId, GrantTerms, NO_GRANT, Policy, PolicyId} from "../../../contracts/types/Policy.sol";
import {LicensedLedger} from "./LicensedLedger.sol";

/// @notice Two datasets of `holder`, grants on both to `taker`, and words for deriving from them.
abstract contract DerivedLedger is LicensedLedger {
    uint32 internal constant DERIVE = 1 << 14;

    /// @dev What came out of an activity; zero if nothing did.
    struct Made {
        DatasetId output;
        uint32 version;
    }

    DatasetId internal second;
    GrantId internal one; // on `dataset`
    GrantId internal two; // on `second`
    mapping(ActivityId id => Made) private _made; // by the words below

    function setUp() public virtual override {
        super.setUp();
        second = registerAs(holder, "second root");
        PolicyId wide = store(widest());
        one = issueAs(holder, rootTerms(wide));
        two = grantOn(second, wide);
        takeLogs();
    }

    function grantOn(DatasetId id, PolicyId policy) internal returns (GrantId) {
        GrantTerms memory terms = rootTerms(policy);
        terms.dataset = id;
        return issueAs(holder, terms);
    }

    function grantOn(DatasetId id, Policy memory terms) internal returns (GrantId) {
        return grantOn(id, store(terms));
    }

    function details(ActivityKind kind) internal view returns (Activity memory) {
        return Activity({
            kind: kind,
            startedAt: uint40(block.timestamp - 60),
            endedAt: uint40(block.timestamp),
            codeHash: keccak256("code"),
            parametersHash: keccak256("parameters"),
            environmentHash: 0,
            purpose: 1,
            industry: 1,
            mode: 1,
            country: "CN",
            securityGrade: 0
        });
    }

    function inputsOf(DatasetId id, uint32 version, GrantId grant) internal pure returns (Input[] memory inputs) {
        inputs = new Input[](1);
        inputs[0] = Input(id, version, grant);
    }

    function bothInputs() internal view returns (Input[] memory inputs) {
        inputs = new Input[](2);
        inputs[0] = Input(dataset, 1, one);
        inputs[1] = Input(second, 1, two);
    }

    /// @dev A new dataset.
    function outputOf(bytes32 root) internal pure returns (Output memory) {
        return Output(NO_DATASET, 1, classification(), SOURCE, contentOf(root));
    }

    /// @dev The next version of a dataset.
    function outputOf(bytes32 root, DatasetId id, uint32 version) internal pure returns (Output memory output) {
        output = outputOf(root);
        output.dataset = id;
        output.version = version;
    }

    function deriveAs(Actor memory actor, Activity memory what, Input[] memory inputs, Output memory output)
        internal
        returns (ActivityId id, DatasetId derived)
    {
        uint32 version;
        vm.prank(actor.account);
        (id, derived, version) = lineage.derive(what, inputs, output, NO_PARTY);
        _made[id] = Made(derived, version);
    }

    function deriveAs(
        Actor memory actor,
        Activity memory what,
        Input[] memory inputs,
        Output memory output,
        bytes memory reason
    ) internal {
        vm.expectRevert(reason);
        vm.prank(actor.account);
        lineage.derive(what, inputs, output, NO_PARTY);
    }

    /// @dev A new dataset of `taker` from these inputs.
    function transform(Input[] memory inputs, bytes32 root) internal returns (DatasetId derived) {
        (, derived) = deriveAs(taker, details(ActivityKind.TRANSFORM), inputs, outputOf(root));
    }

    function refuse(Input[] memory inputs, bytes memory reason) internal {
        deriveAs(taker, details(ActivityKind.TRANSFORM), inputs, outputOf("refused"), reason);
    }

    function recordAs(Actor memory actor, ActivityKind kind, Input[] memory inputs, DatasetId output, uint32 version)
        internal
        returns (ActivityId id)
    {
        Activity memory what = details(kind);
        vm.prank(actor.account);
        id = lineage.record(what, inputs, output, version, NO_PARTY);
        _made[id] = Made(output, version);
    }

    function recordAs(
        Actor memory actor,
        ActivityKind kind,
        Input[] memory inputs,
        DatasetId output,
        uint32 version,
        bytes memory reason
    ) internal {
        Activity memory what = details(kind);
        vm.expectRevert(reason);
        vm.prank(actor.account);
        lineage.record(what, inputs, output, version, NO_PARTY);
    }

    function supersedeAs(Actor memory actor, ActivityId id, ActivityKind kind, Input[] memory inputs)
        internal
        returns (ActivityId again)
    {
        Activity memory what = details(kind);
        Made memory made = _made[id];
        vm.prank(actor.account);
        again = lineage.supersede(id, what, inputs, made.output, made.version, REASON, NO_PARTY);
        _made[again] = made;
    }

    function supersedeAs(
        Actor memory actor,
        ActivityId id,
        ActivityKind kind,
        Input[] memory inputs,
        bytes memory reason
    ) internal {
        Made memory made = _made[id];
        supersedeAs(actor, id, kind, inputs, made.output, made.version, reason);
    }

    function supersedeAs(
        Actor memory actor,
        ActivityId id,
        ActivityKind kind,
        Input[] memory inputs,
        DatasetId output,
        uint32 version,
        bytes memory reason
    ) internal {
        Activity memory what = details(kind);
        vm.expectRevert(reason);
        vm.prank(actor.account);
        lineage.supersede(id, what, inputs, output, version, REASON, NO_PARTY);
    }

    function ceilingOf(DatasetId id) internal view returns (PolicyId bound) {
        (bound,) = datasets.ceiling(id);
    }

    function isTainted(DatasetId id) internal view returns (bool homeTaint) {
        (, homeTaint) = datasets.ceiling(id);
    }

    function noInputs() internal pure returns (Input[] memory) {
        return new Input[](0);
    }

    function byTitle(DatasetId id, uint32 version) internal pure returns (Input[] memory) {
        return inputsOf(id, version, NO_GRANT);
    }
}
