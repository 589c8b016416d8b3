// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ISupervision} from "../../../contracts/interfaces/ISupervision.sol";
import {Content} from "../../../contracts/types/Dataset.sol";
import {DatasetId, HoldId, PartyId} from "../../../contracts/types/Ids.sol";
import {ROLE_ARBITER, ROLE_CONSUMER, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice The people of the invariant tests, and what the tests remember of what they did. It is
/// remembered from logs alone, so it does not lean on the state that it is held against.
abstract contract Actors is FoldedLedger {
    struct Version {
        uint64 dataset;
        uint32 version;
        bytes32 root;
    }

    uint256 internal constant PEOPLE = 5;

    Actor[] internal people;
    Actor internal arbiter;
    address[] internal accounts; // all that ever joined a party
    mapping(address account => PartyId) internal joined;
    address[] internal dead; // accounts that lost their power
    Version[] internal versions;
    mapping(uint64 dataset => uint32) internal latest;
    uint64 internal holdCount;
    uint256 internal salts;

    mapping(string act => uint256) public done; // how often an act was not left out

    constructor() {
        setUp();
        string[PEOPLE] memory names = ["one", "two", "three", "four", "five"];
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people.push(admit(names[i], ROLE_SUPPLIER | ROLE_CONSUMER));
            _join(people[i].account, people[i].party);
        }
        arbiter = admit("arbiter", ROLE_ARBITER);
        takeLogs();
    }

    /// @dev Folds what an act logged and remembers it.
    modifier act(string memory name) {
        _;
        Vm.Log[] memory logs = takeLogs();
        if (logs.length > 0) ++done[name];
        _remember(logs);
    }

    function _join(address account, PartyId party) internal {
        accounts.push(account);
        joined[account] = party;
    }

    function _newAccount() internal returns (address) {
        return makeAddr(vm.toString(accounts.length));
    }

    function _person(uint256 seed) internal view returns (Actor memory) {
        return people[seed % PEOPLE];
    }

    function _isActive(Actor memory actor) internal view returns (bool) {
        return parties.isActive(actor.party);
    }

    function _dataset(uint256 seed) internal view returns (DatasetId) {
        uint64 count = datasets.count();
        return DatasetId.wrap(count == 0 ? 0 : uint64(1 + seed % count));
    }

    function _root(uint256 seed) internal pure returns (bytes32) {
        return keccak256(abi.encode("root", seed % 16)); // few, so that claims meet
    }

    function _remember(Vm.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 name = logs[i].topics[0];
            uint64 id = uint64(uint256(logs[i].topics[1]));
            if (name == IDatasets.DatasetRegistered.selector) {
                (,, Content memory content,) = abi.decode(logs[i].data, (uint96, bytes32, Content, uint48));
                assertEq(latest[id], 0, "a dataset is registered once");
                _rememberVersion(id, 1, content.root);
            } else if (name == IDatasets.VersionPublished.selector) {
                (uint32 version, Content memory content,) = abi.decode(logs[i].data, (uint32, Content, uint48));
                assertEq(version, latest[id] + 1, "version numbers have no gaps");
                _rememberVersion(id, version, content.root);
            } else if (name == ISupervision.HoldPlaced.selector) {
                (HoldId hold,,,,) = abi.decode(logs[i].data, (HoldId, uint8, uint16, uint48, bytes32));
                assertEq(HoldId.unwrap(hold), ++holdCount, "hold numbers have no gaps");
            }
        }
    }

    function _rememberVersion(uint64 dataset, uint32 version, bytes32 root) private {
        latest[dataset] = version;
        versions.push(Version(dataset, version, root));
    }
}
