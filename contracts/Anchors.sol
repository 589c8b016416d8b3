// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {IAnchors} from "./interfaces/IAnchors.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {IParties} from "./interfaces/IParties.sol";
import {ACT_ANCHOR} from "./types/Acts.sol";
import {InvalidField} from "./types/Errors.sol";
import {NO_DATASET, PartyId} from "./types/Ids.sol";
import {partySubject} from "./types/Subject.sol";

/// @title Anchors
/// @notice See {IAnchors}.
contract Anchors is LedgerModule, IAnchors {
    uint64 private constant MAX_LEAVES = 1 << 32;

    mapping(PartyId party => mapping(bytes32 root => uint48 blockNumber)) private _anchoredAt;

    IParties private immutable PARTIES;

    constructor(IDirectory directory) LedgerModule(directory) {
        PARTIES = IParties(directory.addressOf("Parties"));
    }

    /// @inheritdoc IAnchors
    function anchor(bytes32 root, uint64 count, PartyId onBehalfOf) external {
        PartyId party = PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_ANCHOR, NO_DATASET, 0);
        if (root == 0) revert InvalidField("root");
        if (count == 0 || count > MAX_LEAVES) revert InvalidField("count");
        uint48 before = _anchoredAt[party][root];
        if (before != 0) revert AlreadyAnchored(root, before);
        _anchoredAt[party][root] = uint48(block.number);
        _log(BatchAnchored.selector, partySubject(party), abi.encode(root, count));
    }

    /// @inheritdoc IAnchors
    function anchoredAt(PartyId party, bytes32 root) external view returns (uint48 blockNumber) {
        return _anchoredAt[party][root];
    }
}
