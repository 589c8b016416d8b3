// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    ACTIONS_CONTROL,
    Code,
    Grant,
    GrantId,
    GrantStatus,
    Inactive,
    NO_GRANT,
    Policy,
    PolicyId,
    UNLIMITED_USES
} from "../../../contracts/types/Policy.sol";
import {GrantActs} from "./GrantActs.sol";

/// @notice What holds of grants after any number of acts: INVARIANTS.md, paragraph by paragraph.
contract GrantChecks is GrantActs {
    function checkParents() external view {
        for (uint64 g = 1; g <= licenses.grantCount(); ++g) {
            GrantId id = GrantId.wrap(g);
            Grant memory found = licenses.grant(id);
            _checkInPolicy(found);
            if (found.parent == NO_GRANT) continue;
            Grant memory above = licenses.grant(found.parent);
            assertGe(found.notBefore, above.notBefore, "window");
            assertLe(found.notAfter, above.notAfter, "window");
            assertEq(found.depth, above.depth + 1, "depth");
            assertTrue(found.dataset == above.dataset && found.onHold == above.onHold);
            policies.requireWithin(found.policy, above.policy);
            if (licenses.inactivity(id) == Inactive.NONE) {
                assertTrue(licenses.inactivity(found.parent) == Inactive.NONE, "active below an inactive one");
            }
        }
    }

    function _checkInPolicy(Grant memory found) private view {
        Policy memory terms = policies.policy(found.policy);
        assertGe(found.notBefore, terms.notBefore);
        assertLe(found.notAfter, terms.notAfter);
        assertLe(found.usesLeft, terms.maxUses);
    }

    function checkUses() external {
        for (uint64 g = 1; g <= licenses.grantCount(); ++g) {
            Grant memory found = licenses.grant(GrantId.wrap(g));
            assertLe(found.usesLeft, lowest[g], "uses left never rise");
            lowest[g] = found.usesLeft;
            assertEq(found.used, reported[g], "uses are those that were reported");
            if (given[g] == UNLIMITED_USES) {
                assertEq(found.usesLeft, UNLIMITED_USES);
            } else {
                // Quotas never multiply: what was given is left, used or reserved.
                assertEq(uint256(found.usesLeft) + found.used + reserved[g], given[g], "quota");
            }
            (Code code,) = licenses.check(GrantId.wrap(g), found.grantee, request(READ));
            if (found.usesLeft == 0) assertTrue(code != Code.PERMITTED, "used up");
            else assertTrue(code != Code.QUOTA_EXCEEDED, "not used up");
        }
    }

    function checkExclusive() external view {
        uint64 count = licenses.grantCount();
        for (uint64 a = 1; a <= count; ++a) {
            Grant memory one = licenses.grant(GrantId.wrap(a));
            if (!one.exclusive || one.status == GrantStatus.REVOKED) continue;
            for (uint64 b = 1; b <= count; ++b) {
                Grant memory two = licenses.grant(GrantId.wrap(b));
                if (a != b && two.parent == NO_GRANT && two.status != GrantStatus.REVOKED) _checkApart(one, two);
            }
        }
    }

    /// @dev From now on: what was over before the other began is in nobody's way.
    function _checkApart(Grant memory one, Grant memory two) private view {
        uint256 from = one.notBefore > two.notBefore ? one.notBefore : two.notBefore;
        uint256 until = one.notAfter < two.notAfter ? one.notAfter : two.notAfter;
        if (from > until || until < block.timestamp) return;
        uint32 common = policies.actionsOf(one.policy) & policies.actionsOf(two.policy) & ~ACTIONS_CONTROL;
        assertEq(common, 0, "exclusive means exclusive");
    }

    function checkRevoked() external view {
        for (uint64 g = 1; g <= licenses.grantCount(); ++g) {
            GrantId id = GrantId.wrap(g);
            Grant memory found = licenses.grant(id);
            assertEq(found.status == GrantStatus.REVOKED, revoked[g], "revoked is for ever");
            bool dead = revoked[g];
            for (GrantId p = found.parent; p != NO_GRANT && !dead; p = licenses.grant(p).parent) {
                dead = revoked[GrantId.unwrap(p)];
            }
            if (dead) assertTrue(licenses.inactivity(id) != Inactive.NONE, "revoked never works again");
        }
    }

    function checkHeads() external view {
        assertHeads();
    }
}
