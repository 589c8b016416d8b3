// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {
    ACTION_LICENSE,
    ACTION_TRANSFER,
    Grant,
    GrantId,
    GrantStatus,
    GrantTerms,
    NO_END,
    OfferId,
    Policy,
    PolicyId,
    UNLIMITED_USES
} from "../../../contracts/types/Policy.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {LicensedLedger} from "./LicensedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice Random acts on the grants of one dataset by four parties, and what the tests remember of
/// them. Most are tried whether they may or not: a refusal is no failure, a wrong success is.
/// What is remembered comes from logs alone.
abstract contract GrantActs is LicensedLedger {
    Actor[] internal people;
    PolicyId[] internal stored;
    mapping(uint64 grant => uint40) internal given; // uses at issue
    mapping(uint64 grant => uint40) internal reported; // uses by itself
    mapping(uint64 grant => uint40) internal reserved; // uses of its sub-grants, at issue
    mapping(uint64 grant => uint40) internal lowest; // uses left when last seen
    mapping(uint64 grant => bool) internal revoked;

    mapping(bytes32 topic0 => uint256) public done; // how often an event was seen

    constructor() {
        setUp();
        people.push(holder);
        people.push(taker);
        people.push(other);
        people.push(third);
        for (uint8 depth = 0; depth < 4; ++depth) _store(depth);
        takeLogs();
    }

    function _store(uint8 depth) private {
        Policy memory terms = deep(depth);
        stored.push(store(terms));
        terms.maxDuration = 1 days;
        terms.actions = READ | COMPUTE | ACTION_TRANSFER | (depth == 0 ? 0 : ACTION_LICENSE);
        terms.derivation = only(READ).derivation;
        stored.push(store(terms));
        terms.maxUses = 9;
        terms.actions ^= COMPUTE | TRAIN;
        stored.push(store(terms));
    }

    modifier act() {
        _;
        _remember(takeLogs());
    }

    function _remember(Vm.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 name = logs[i].topics[0];
            ++done[name];
            if (name == ILicenses.GrantIssued.selector) {
                (uint64 id, GrantTerms memory terms,) = abi.decode(logs[i].data, (uint64, GrantTerms, uint64));
                (given[id], lowest[id]) = (terms.uses, terms.uses);
                reserved[GrantId.unwrap(terms.parent)] += terms.uses == UNLIMITED_USES ? 0 : terms.uses;
            } else if (name == ILicenses.GrantUsed.selector) {
                (uint40 first, uint40 uses,,) = abi.decode(logs[i].data, (uint40, uint40, uint32, bytes32));
                uint64 id = uint64(uint256(logs[i].topics[2]));
                assertEq(first, reported[id] + 1, "receipts have no gaps");
                reported[id] += uses;
            } else if (name == ILicenses.GrantStatusSet.selector) {
                (GrantStatus status,) = abi.decode(logs[i].data, (GrantStatus, bytes32));
                uint64 id = uint64(uint256(logs[i].topics[2]));
                assertFalse(revoked[id], "revoked is for ever");
                revoked[id] = status == GrantStatus.REVOKED;
            }
        }
    }

    /// @dev Refused or not, as the contract decides.
    function _try(Actor memory actor, bytes memory data) private {
        vm.prank(actor.account);
        (bool success, bytes memory reason) = address(licenses).call(data);
        if (!success) assertTrue(bytes4(reason) != bytes4(0x4e487b71), "a refusal has a reason, never a panic");
    }

    function _actorOf(PartyId party) private view returns (Actor memory) {
        for (uint256 i = 0; i < people.length; ++i) if (people[i].party == party) return people[i];
        return people[0];
    }

    function _grant(uint256 seed) internal view returns (GrantId id, Grant memory found) {
        uint64 count = licenses.grantCount();
        if (count == 0) return (id, found);
        id = GrantId.wrap(uint64(1 + seed % count));
        found = licenses.grant(id);
    }

    function passTime(uint256 seed) external act {
        moveOn(1, seed % 12 hours);
    }

    function _window(GrantTerms memory terms, uint256 seed) private view {
        terms.notBefore = seed & 1 == 0 ? 0 : uint40(block.timestamp + (seed >> 8) % 1 days - 12 hours);
        terms.notAfter = seed & 2 == 0 ? NO_END : uint40(block.timestamp + 1 + (seed >> 40) % 3 days);
        terms.uses = seed & 12 == 0 ? UNLIMITED_USES : uint40(1 + (seed >> 72) % 9);
    }

    function issueRoot(uint256 seed, uint256 to, uint256 how) external act {
        if (licenses.grantCount() > 40) return;
        GrantTerms memory terms = rootTerms(stored[seed % stored.length]);
        terms.grantee = people[to % 4].party;
        _window(terms, how);
        terms.exclusive = how & 0x70 == 0;
        Actor memory actor = titles.mayAct(dataset, Right.HOLD, holder.party) ? holder : third;
        _try(actor, abi.encodeCall(ILicenses.issue, (terms, NO_PARTY)));
    }

    function issueSub(uint256 which, uint256 seed, uint256 to, uint256 how) external act {
        (GrantId id, Grant memory above) = _grant(which);
        if (GrantId.unwrap(id) == 0 || licenses.grantCount() > 60) return;
        GrantTerms memory terms = subTerms(id, stored[seed % stored.length], people[to % 4]);
        _window(terms, how);
        // More often than not within the parent's.
        if (how & 0x100 != 0) (terms.notBefore, terms.notAfter) = (above.notBefore, above.notAfter);
        if (how & 0x600 != 0 && terms.uses > above.usesLeft && above.usesLeft > 0) terms.uses = above.usesLeft;
        _try(_actorOf(above.grantee), abi.encodeCall(ILicenses.issue, (terms, NO_PARTY)));
    }

    function activate(uint256 which) external act {
        (GrantId id, Grant memory found) = _grant(which);
        _try(_actorOf(found.grantee), abi.encodeCall(ILicenses.activate, (id, NO_PARTY)));
    }

    function use(uint256 which, uint40 uses) external act {
        (GrantId id, Grant memory found) = _grant(which);
        _try(_actorOf(found.grantee), abi.encodeCall(ILicenses.use, (id, request(READ), uses % 6, NO_PARTY)));
    }

    function report(uint256 which, uint40 uses) external act {
        (GrantId id, Grant memory found) = _grant(which);
        uses = uses % 16 == 0 ? uses : uses % 6;
        _try(
            _actorOf(found.grantee),
            abi.encodeCall(ILicenses.report, (id, found.used + 1, uses, bytes32("receipts"), NO_PARTY))
        );
    }

    function setStatus(uint256 which, uint256 who, uint256 how) external act {
        (GrantId id,) = _grant(which);
        Actor memory actor = people[who % 4];
        if (how % 6 < 2) _try(actor, abi.encodeCall(ILicenses.suspend, (id, REASON, NO_PARTY)));
        else if (how % 6 < 5) _try(actor, abi.encodeCall(ILicenses.resume, (id, REASON, NO_PARTY)));
        else _try(actor, abi.encodeCall(ILicenses.revoke, (id, REASON, NO_PARTY)));
    }

    function tidy(uint256 which, uint256 most) external act {
        (GrantId id,) = _grant(which);
        _try(people[most % 4], abi.encodeCall(ILicenses.tidy, (id, most % 6)));
    }

    function assign(uint256 which, uint256 to, uint256 who) external act {
        (GrantId id, Grant memory found) = _grant(which);
        PartyId target = people[to % 4].party;
        _try(_actorOf(found.grantee), abi.encodeCall(ILicenses.proposeAssignment, (id, target, NO_PARTY)));
        // Mostly whoever has the say.
        Actor memory by = titles.mayAct(dataset, Right.HOLD, holder.party) ? holder : third;
        if (found.depth > 0) by = _actorOf(licenses.grant(found.parent).grantee);
        if (who % 4 == 0) by = people[who / 4 % 4];
        _try(by, abi.encodeCall(ILicenses.consentToAssignment, (id, target, NO_PARTY)));
        _try(people[to % 4], abi.encodeCall(ILicenses.acceptAssignment, (id, NO_PARTY)));
    }

    function offer(uint256 seed, uint256 who) external act {
        if (licenses.offerCount() > 6) return;
        PolicyId policy = stored[seed % stored.length];
        _try(people[who % 4], abi.encodeCall(ILicenses.offer, (dataset, policy, NO_END, 3, NO_PARTY)));
    }

    function takeUp(uint256 which, uint256 who) external act {
        uint64 count = licenses.offerCount();
        if (count == 0) return;
        OfferId id = OfferId.wrap(uint64(1 + which % count));
        _try(people[who % 4], abi.encodeCall(ILicenses.takeUp, (id, NO_PARTY)));
    }

    /// @dev All units to and fro between `holder` and `third`.
    function moveTitle(uint256 rarely) external act {
        if (rarely % 4 != 0) return;
        bool there = titles.mayAct(dataset, Right.HOLD, holder.party);
        (Actor memory giver, Actor memory receiver) = there ? (holder, third) : (third, holder);
        transferAs(giver, dataset, receiver, packUnits(10_000, 10_000, 10_000));
    }
}
