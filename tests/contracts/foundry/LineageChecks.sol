// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ActivityId} from "../../../contracts/types/Activity.sol";
import {Classification} from "../../../contracts/types/Dataset.sol";
import {DatasetId} from "../../../contracts/types/Ids.sol";
import {Derivation, GrantId, PolicyId} from "../../../contracts/types/Policy.sol";
import {LineageActs} from "./LineageActs.sol";

/// @notice What holds of lineage after any number of acts: INVARIANTS.md, paragraph by paragraph.
contract LineageChecks is LineageActs {
    mapping(uint64 dataset => mapping(uint32 version => uint256)) private _rank;

    /// @dev Of all that was ever recorded, superseded or not: if nothing comes from itself, the length
    /// of the longest path to a version is less than the number of versions.
    function checkCycles() external {
        uint256 versions;
        for (uint64 d = 1; d <= datasets.count(); ++d) versions += datasets.dataset(DatasetId.wrap(d)).versions;
        bool changed = true;
        while (changed) {
            changed = false;
            for (uint256 i = 0; i < edges.length; ++i) {
                Edge memory edge = edges[i];
                if (edge.derived == 0) continue;
                uint256 least = _rank[edge.source][edge.sourceVersion] + 1;
                if (_rank[edge.derived][edge.derivedVersion] >= least) continue;
                _rank[edge.derived][edge.derivedVersion] = least;
                assertLt(least, versions, "nothing comes from itself");
                changed = true;
            }
        }
    }

    function checkCeilings() external view {
        for (uint64 d = 1; d <= datasets.count(); ++d) {
            (PolicyId bound, bool homeTaint) = datasets.ceiling(DatasetId.wrap(d));
            assertEq(PolicyId.unwrap(bound), ceilings[d], "only Lineage sets a ceiling");
            assertEq(homeTaint, taints[d], "and taints");
        }
        for (uint256 i = 0; i < edges.length; ++i) {
            Edge memory edge = edges[i];
            if (edge.derived == 0) continue;
            PolicyId bound = PolicyId.wrap(ceilings[edge.derived]);
            if (edge.ceiling != 0) _checkInside(bound, PolicyId.wrap(edge.ceiling));
            if (edge.grant != 0) _checkInside(bound, licenses.grant(GrantId.wrap(edge.grant)).policy);
        }
    }

    /// @dev Terms of which the rule lifts a part are met in the rest.
    function _checkInside(PolicyId bound, PolicyId input) private view {
        if (policies.policy(input).derivation != Derivation.ATTRIBUTION_ONLY) {
            policies.requireWithinCeiling(bound, input);
            return;
        }
        uint32 prohibited = policies.policy(input).prohibited;
        assertEq(prohibited & ~policies.policy(bound).prohibited, 0);
        assertGe(policies.policy(bound).minSecurityGrade, policies.policy(input).minSecurityGrade);
    }

    function checkLevels() external view {
        for (uint256 i = 0; i < edges.length; ++i) {
            Edge memory edge = edges[i];
            if (edge.derived == 0) continue;
            Classification memory from = datasets.dataset(DatasetId.wrap(edge.source)).classification;
            Classification memory to = datasets.dataset(DatasetId.wrap(edge.derived)).classification;
            assertTrue(to.level >= from.level && to.piKind >= from.piKind, "no level falls");
            assertTrue(taints[edge.derived] || !edge.homeTaint, "no taint is lost");
        }
    }

    function checkActivities() external view {
        assertEq(lineage.count(), activities);
        for (uint64 d = 1; d <= datasets.count(); ++d) {
            DatasetId id = DatasetId.wrap(d);
            for (uint32 v = 1; v <= datasets.dataset(id).versions; ++v) {
                assertEq(ActivityId.unwrap(lineage.activityOf(id, v)), current[d][v], "the last that was recorded");
            }
        }
    }

    function checkHeads() external view {
        assertHeads();
    }
}
