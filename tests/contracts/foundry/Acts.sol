// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PendingTransfer} from "../../../contracts/interfaces/ITitles.sol";
import {Content, DatasetStatus, VersionStatus} from "../../../contracts/types/Dataset.sol";
import {NotModule, NotParty} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_DEREGISTER, SCOPE_TITLE, SCOPE_VERSION, SCOPES_ALL} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_HOLD, NO_PARTY, PartyId, TransferId} from "../../../contracts/types/Ids.sol";
import {datasetSubject, LEDGER, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {NO_UNITS, Right, Units} from "../../../contracts/types/Units.sol";
import {Actors} from "./Actors.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice What may happen on a ledger, at random. An act whose conditions are not met is left out;
/// one whose conditions are met must succeed, so any revert is a failure of the test.
contract Acts is Actors {
    struct Commitment {
        uint256 person;
        bytes32 salt;
        bytes32 root;
    }

    Commitment[] private _commitments;

    function passTime(uint256 blocks, uint256 time) external {
        moveOn(1 + blocks % 50, 1 + time % 3 days);
    }

    function commit(uint256 who, uint256 rootSeed) external act("commit") {
        Actor memory actor = _person(who);
        if (!_isActive(actor)) return;
        bytes32 salt = bytes32(++salts);
        commitAs(actor, salt, _root(rootSeed));
        _commitments.push(Commitment(who % PEOPLE, salt, _root(rootSeed)));
    }

    function register(uint256 who, uint256 rootSeed) external act("register") {
        Actor memory actor = _person(who);
        if (_isActive(actor)) registerAs(actor, _root(rootSeed));
    }

    function registerCommitted(uint256 which) external act("registerCommitted") {
        if (_commitments.length == 0) return;
        Commitment memory made = _commitments[which % _commitments.length];
        Actor memory actor = _person(made.person);
        if (_isActive(actor)) registerAs(actor, contentOf(made.root, made.salt));
    }

    /// @dev The person who may act as holder of a dataset now, if the act is not held.
    function _holder(DatasetId id, uint16 scope) private view returns (bool found, Actor memory actor) {
        if (DatasetId.unwrap(id) == 0 || datasets.dataset(id).status != DatasetStatus.REGISTERED) {
            return (false, actor);
        }
        if (supervision.activeHold(datasetSubject(id), scope) != NO_HOLD) return (false, actor);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            actor = people[i];
            if (!titles.mayAct(id, Right.HOLD, actor.party) || !_isActive(actor)) continue;
            if (_isFree(actor.party, scope)) return (true, actor);
        }
        return (false, actor);
    }

    function _isFree(PartyId party, uint16 scope) private view returns (bool) {
        return supervision.activeHold(partySubject(party), scope) == NO_HOLD;
    }

    function publish(uint256 which, uint256 rootSeed) external act("publish") {
        DatasetId id = _dataset(which);
        (bool found, Actor memory actor) = _holder(id, SCOPE_VERSION);
        if (!found) return;
        uint32 next = datasets.dataset(id).versions + 1;
        Content memory content = contentOf(_root(rootSeed));
        vm.prank(actor.account);
        datasets.publish(id, next, content, NO_PARTY);
    }

    function withdraw(uint256 which, uint32 version) external act("withdraw") {
        DatasetId id = _dataset(which);
        (bool found, Actor memory actor) = _holder(id, SCOPE_VERSION);
        if (!found) return;
        version = 1 + version % datasets.dataset(id).versions;
        if (datasets.versionStatus(id, version) == VersionStatus.WITHDRAWN) return;
        vm.prank(actor.account);
        datasets.withdrawVersion(id, version, REASON, NO_PARTY);
    }

    function deregister(uint256 which, uint256 rarely) external act("deregister") {
        DatasetId id = _dataset(which);
        (bool found, Actor memory actor) = _holder(id, SCOPE_DEREGISTER);
        if (!found || rarely % 8 != 0) return;
        vm.prank(actor.account);
        datasets.deregister(id, REASON, NO_PARTY);
    }

    function _atMost(Units free, uint256 seed) private pure returns (Units) {
        uint16[3] memory lanes;
        for (uint8 i = 0; i < 3; ++i) {
            uint16 most = free.unitsFor(Right(i));
            // All, none or some: all moves majorities about.
            uint256 choice = (seed >> (8 * i)) % 4;
            lanes[i] = choice < 2 ? most : choice == 2 ? 0 : uint16(seed >> (32 + 16 * i)) % (most + 1);
        }
        return packUnits(lanes[0], lanes[1], lanes[2]);
    }

    /// @dev The first dataset whose titles may move and who may give some, from random places on.
    function _giver(uint256 which, uint256 from) private view returns (DatasetId id, uint256 giver, Units free) {
        uint64 count = datasets.count();
        for (uint64 i = 0; i < count; ++i) {
            id = DatasetId.wrap(1 + uint64((which % count + i) % count));
            if (titles.isClosed(id) || supervision.activeHold(datasetSubject(id), SCOPE_TITLE) != NO_HOLD) continue;
            for (uint256 j = 0; j < PEOPLE; ++j) {
                giver = (from % PEOPLE + j) % PEOPLE;
                free = titles.freeUnitsOf(id, people[giver].party);
                if (free == NO_UNITS || !_isActive(people[giver])) continue;
                if (_isFree(people[giver].party, SCOPE_TITLE)) return (id, giver, free);
            }
        }
        return (id, 0, NO_UNITS);
    }

    function startTransfer(uint256 from, uint256 to, uint256 which, uint256 seed) external act("startTransfer") {
        (DatasetId id, uint256 giver, Units free) = _giver(which, from);
        Actor memory taker = _person(giver + 1 + to % (PEOPLE - 1));
        if (free == NO_UNITS || !_isActive(taker) || !_isFree(taker.party, SCOPE_TITLE)) return;
        Units units = _atMost(free, seed);
        if (units == NO_UNITS) return;
        uint48 expires = uint48(block.timestamp + 1 + (seed >> 96) % 4 days);
        vm.prank(people[giver].account);
        titles.startTransfer(id, taker.party, units, 0, expires, NO_PARTY);
    }

    /// @dev The first pending transfer among the last ones, from a random place on.
    function _pending(uint256 which) private view returns (TransferId id, bool found, PendingTransfer memory pending) {
        uint64 count = titles.transferCount();
        uint64 recent = count < 12 ? count : 12; // older ones have mostly lapsed
        for (uint64 i = 0; i < recent; ++i) {
            id = TransferId.wrap(count - uint64((which % recent + i) % recent));
            try titles.pendingTransfer(id) returns (PendingTransfer memory open) {
                return (id, true, open);
            } catch {}
        }
    }

    /// @dev The first open contest, from a random place on; zero if there is none.
    function _openContest(uint256 which) private view returns (HoldId) {
        for (uint256 i = 0; i < holdCount; ++i) {
            HoldId hold = HoldId.wrap(uint64(1 + (which % holdCount + i) % holdCount));
            if (DatasetId.unwrap(datasets.contest(hold).earlier) != 0 && !datasets.contest(hold).ended) return hold;
        }
        return NO_HOLD;
    }

    function accept(uint256 which) external act("accept") {
        (TransferId id, bool found, PendingTransfer memory pending) = _pending(which);
        if (!found || pending.lapsed || titles.isClosed(pending.dataset)) return;
        if (!parties.isActive(pending.taker) || !parties.isActive(pending.giver)) return;
        if (!_isFree(pending.taker, SCOPE_TITLE) || !_isFree(pending.giver, SCOPE_TITLE)) return;
        if (supervision.activeHold(datasetSubject(pending.dataset), SCOPE_TITLE) != NO_HOLD) return;
        bytes32 head = which % 2 == 0 ? bytes32(0) : history.headOf(datasetSubject(pending.dataset));
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (people[i].party != pending.taker) continue;
            vm.prank(people[i].account);
            titles.acceptTransfer(id, head, NO_PARTY);
        }
    }

    function cancel(uint256 which, uint256 who) external act("cancel") {
        (TransferId id, bool found, PendingTransfer memory pending) = _pending(which);
        Actor memory actor = _person(who);
        if (!found || !_isActive(actor)) return;
        if (!pending.lapsed && actor.party != pending.giver && actor.party != pending.taker) return;
        vm.prank(actor.account);
        titles.cancelTransfer(id, NO_PARTY);
    }

    function concede(uint256 which) external act("concede") {
        HoldId hold = _openContest(which);
        if (hold == NO_HOLD) return;
        DatasetId earlier = datasets.contest(hold).earlier;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (!titles.mayAct(earlier, Right.HOLD, people[i].party) || !_isActive(people[i])) continue;
            vm.prank(people[i].account);
            datasets.concede(hold, NO_PARTY);
        }
    }

    function decide(uint256 which, bool forLater) external act("decide") {
        HoldId hold = _openContest(which);
        if (hold == NO_HOLD) return;
        vm.prank(arbiter.account);
        datasets.decide(hold, forLater, REASON, NO_PARTY);
    }

    function placeHold(uint256 which, uint16 scope, uint256 lasts) external act("placeHold") {
        DatasetId id = _dataset(which);
        if (DatasetId.unwrap(id) == 0) return;
        uint48 until = uint48(block.timestamp + 1 + lasts % 6 hours);
        // More often on a dataset: a party that is held does little.
        Subject target = lasts % 4 == 0 ? partySubject(_person(which).party) : datasetSubject(id);
        vm.prank(spare);
        supervision.place(target, HoldKind.FREEZE, 1 + scope % SCOPES_ALL, NO_PARTY, REASON, until);
    }

    function liftHold(uint256 which) external act("liftHold") {
        if (holdCount == 0) return;
        HoldId hold = HoldId.wrap(uint64(1 + which % holdCount));
        if (supervision.hold(hold).issuer != spare || supervision.hold(hold).liftedAt != 0) return;
        vm.prank(spare);
        supervision.lift(hold, REASON);
    }

    function rotateKey(uint256 who) external act("rotateKey") {
        Actor storage actor = people[who % PEOPLE];
        (address old, address next) = (actor.account, _newAccount());
        vm.prank(old);
        parties.proposeAccount(next, old);
        vm.prank(next);
        parties.confirmAccount(actor.party);
        actor.account = next;
        dead.push(old);
        _join(next, actor.party);
    }

    function recover(uint256 who, uint256 rarely) external act("recover") {
        if (rarely % 4 != 0) return; // much else lapses in these seven days
        Actor storage actor = people[who % PEOPLE];
        (address old, address next) = (actor.account, _newAccount());
        vm.prank(rootAdmin);
        parties.proposeRecovery(actor.party, next, REASON);
        moveOn(1, 7 days);
        vm.prank(next);
        parties.confirmRecovery(actor.party);
        actor.account = next;
        dead.push(old);
        _join(next, actor.party);
    }

    /// @dev At most one at a time, so that enough can happen.
    function suspendOrRestore(uint256 who) external act("suspendOrRestore") {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (_isActive(people[i])) continue;
            vm.prank(rootAdmin);
            parties.restore(people[i].party, REASON);
            return;
        }
        vm.prank(rootAdmin);
        parties.suspend(people[who % PEOPLE].party, REASON);
    }

    /// @dev What must never work: a key without power, and a stranger at the doors of modules.
    function trespass(uint256 which) external {
        address stranger = which % 2 == 0 || dead.length == 0 ? makeAddr("stranger") : dead[which % dead.length];
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, stranger));
        datasets.commit("anything", NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, stranger));
        parties.proposeAccount(address(0), address(0));
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, stranger));
        history.record(1, "anything", LEDGER, LEDGER, LEDGER, "");
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, stranger));
        supervision.place(datasetSubject(DatasetId.wrap(1)), HoldKind.FREEZE, 1, NO_PARTY, REASON, 0);
        vm.stopPrank();
    }
}
