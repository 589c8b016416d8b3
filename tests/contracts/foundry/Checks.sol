// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PendingTransfer} from "../../../contracts/interfaces/ITitles.sol";
import {Claim, Contest, VersionStatus} from "../../../contracts/types/Dataset.sol";
import {DatasetId, HoldId, NO_PARTY, PartyId, TransferId} from "../../../contracts/types/Ids.sol";
import {datasetSubject, partySubject} from "../../../contracts/types/Subject.sol";
import {NO_UNITS, Right, Units, UNITS_WHOLE} from "../../../contracts/types/Units.sol";
import {Acts} from "./Acts.sol";

/// @notice What holds after any number of acts: INVARIANTS.md, paragraph by paragraph.
contract Checks is Acts {
    function checkUnits() external view {
        for (uint64 d = 1; d <= datasets.count(); ++d) {
            DatasetId id = DatasetId.wrap(d);
            uint256[3] memory sums;
            for (uint64 p = 1; p <= parties.count(); ++p) {
                Units held = titles.unitsOf(id, PartyId.wrap(p));
                for (uint8 i = 0; i < 3; ++i) sums[i] += held.unitsFor(Right(i));
            }
            for (uint256 i = 0; i < 3; ++i) assertEq(sums[i], UNITS_WHOLE, "units of a right");
        }
    }

    function checkReserved() external {
        uint64 count = titles.transferCount();
        for (uint64 d = 1; d <= datasets.count(); ++d) {
            for (uint256 i = 0; i < PEOPLE; ++i) _checkReserved(DatasetId.wrap(d), people[i].party, count);
        }
    }

    function _checkReserved(DatasetId id, PartyId giver, uint64 count) private view {
        Units held = titles.unitsOf(id, giver);
        Units free = titles.freeUnitsOf(id, giver);
        assertTrue(held.covers(free), "free is part of held");
        Units pending = NO_UNITS;
        for (uint64 t = 1; t <= count; ++t) {
            try titles.pendingTransfer(TransferId.wrap(t)) returns (PendingTransfer memory open) {
                if (open.dataset == id && open.giver == giver && !open.lapsed) pending = pending + open.units;
            } catch {}
        }
        assertTrue((held - free).covers(pending), "reserved covers what may still be accepted");
    }

    function checkHeads() external view {
        assertHeads();
    }

    function checkVersions() external view {
        for (uint64 d = 1; d <= datasets.count(); ++d) {
            assertEq(datasets.dataset(DatasetId.wrap(d)).versions, latest[d], "versions");
        }
        for (uint256 i = 0; i < versions.length; ++i) {
            DatasetId id = DatasetId.wrap(versions[i].dataset);
            assertTrue(datasets.isVersion(id, versions[i].version, versions[i].root), "nothing is deleted");
            assertTrue(datasets.versionStatus(id, versions[i].version) != VersionStatus.NONE);
        }
    }

    function checkAccounts() external view {
        for (uint256 i = 0; i < accounts.length; ++i) {
            PartyId now_ = parties.partyOf(accounts[i]);
            assertTrue(now_ == NO_PARTY || now_ == joined[accounts[i]], "one party in its life");
        }
        for (uint256 i = 0; i < dead.length; ++i) assertTrue(parties.partyOf(dead[i]) == NO_PARTY, "dead key");
        for (uint256 i = 0; i < PEOPLE; ++i) {
            assertTrue(parties.partyOf(people[i].account) == people[i].party, "living key");
            assertEq(parties.party(people[i].party).accounts, 1, "accounts");
        }
    }

    function checkClaims() external view {
        for (uint256 i = 0; i < versions.length; ++i) {
            Claim memory first = datasets.claimOf(versions[i].root);
            Claim memory other = datasets.claimOfVersion(
                versions[i].root, DatasetId.wrap(versions[i].dataset), versions[i].version
            );
            assertLe(first.precedence, other.precedence, "the first claim has precedence");
        }
        for (uint64 h = 1; h <= holdCount; ++h) _checkContest(HoldId.wrap(h));
    }

    function _checkContest(HoldId hold) private view {
        Contest memory contest = datasets.contest(hold);
        if (DatasetId.unwrap(contest.earlier) == 0 || contest.ended) return;
        assertTrue(supervision.hold(hold).target == datasetSubject(contest.later), "the later one is held");
        assertEq(supervision.hold(hold).liftedAt, 0, "an open contest holds");
        Claim memory first = datasets.claimOf(contest.root);
        Claim memory later = datasets.claimOfVersion(contest.root, contest.later, contest.version);
        assertTrue(first.dataset != later.dataset || first.version != later.version, "the first is clear");
        bool found;
        for (uint256 i = 0; i < versions.length; ++i) {
            if (versions[i].root != contest.root || versions[i].dataset != DatasetId.unwrap(contest.earlier)) continue;
            Claim memory earlier =
                datasets.claimOfVersion(contest.root, contest.earlier, versions[i].version);
            found = found || earlier.precedence <= later.precedence;
        }
        assertTrue(found, "never held by a later claim");
    }

    function checkHolds() external view {
        uint256 standing;
        for (uint64 d = 1; d <= datasets.count(); ++d) {
            DatasetId id = DatasetId.wrap(d);
            uint256 holds = supervision.standingHolds(datasetSubject(id)).length;
            standing += holds;
            (bool registered, bool held) = datasets.standing(id);
            assertEq(held, holds != 0, "a dataset knows whether it is held");
            assertEq(registered, !titles.isClosed(id), "and ends with its titles");
        }
        for (uint64 p = 1; p <= parties.count(); ++p) {
            uint256 holds = supervision.standingHolds(partySubject(PartyId.wrap(p))).length;
            standing += holds;
            assertEq(parties.party(PartyId.wrap(p)).held, holds != 0, "a party knows whether it is held");
        }
        for (uint64 h = 1; h <= holdCount; ++h) {
            if (supervision.hold(HoldId.wrap(h)).liftedAt != 0) ++standing;
        }
        assertEq(standing, holdCount, "a hold stands or was lifted");
    }
}
