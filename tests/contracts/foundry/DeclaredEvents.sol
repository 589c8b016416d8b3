// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchors} from "../../../contracts/interfaces/IAnchors.sol";
import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {ILineage} from "../../../contracts/interfaces/ILineage.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {ISupervision} from "../../../contracts/interfaces/ISupervision.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";

/// @notice What the interfaces declare of each event: how many topics and how many words of data.
/// Modules write logs without `emit`, so the compiler does not see to it that they agree.
abstract contract DeclaredEvents {
    struct Shape {
        uint256 topics;
        uint256 words;
    }

    mapping(bytes32 topic0 => Shape) private _shapes;

    constructor() {
        _declareParties();
        _declareLicenses();
        _shapes[ISupervision.HoldPlaced.selector] = Shape(3, 5);
        _shapes[ISupervision.HoldOrdered.selector] = Shape(3, 1);
        _shapes[ISupervision.HoldReleased.selector] = Shape(3, 1);
        _shapes[ISupervision.HoldLifted.selector] = Shape(3, 2);
        _shapes[ITitles.TransferStarted.selector] = Shape(4, 4);
        _shapes[ITitles.TransferAccepted.selector] = Shape(4, 2);
        _shapes[ITitles.TransferCancelled.selector] = Shape(4, 2);
        _shapes[IDatasets.DatasetRegistered.selector] = Shape(3, 8);
        _shapes[IDatasets.VersionPublished.selector] = Shape(3, 7);
        _shapes[IDatasets.VersionWithdrawn.selector] = Shape(3, 2);
        _shapes[IDatasets.DatasetDeregistered.selector] = Shape(3, 1);
        _shapes[IDatasets.EntryErased.selector] = Shape(3, 3);
        _shapes[ILineage.ActivityRecorded.selector] = Shape(4, 17);
        _shapes[ILineage.DerivationRecorded.selector] = Shape(4, 3);
        _shapes[IAnchors.BatchAnchored.selector] = Shape(2, 2);
        _shapes[IDatasets.RootCommitted.selector] = Shape(2, 1);
        _shapes[IDatasets.ClaimContested.selector] = Shape(3, 3);
        _shapes[IDatasets.ClaimConceded.selector] = Shape(4, 1);
        _shapes[IDatasets.ClaimDecided.selector] = Shape(4, 3);
    }

    function _declareParties() private {
        _shapes[IParties.PartyRegistered.selector] = Shape(2, 8);
        _shapes[IParties.PartyUpdated.selector] = Shape(2, 6);
        _shapes[IParties.RolesSet.selector] = Shape(2, 2);
        _shapes[IParties.RoleAdminSet.selector] = Shape(2, 1);
        _shapes[IParties.PartyStatusSet.selector] = Shape(2, 2);
        _shapes[IParties.AccountProposed.selector] = Shape(2, 2);
        _shapes[IParties.AccountAdded.selector] = Shape(2, 1);
        _shapes[IParties.AccountRemoved.selector] = Shape(2, 1);
        _shapes[IParties.RecoveryProposed.selector] = Shape(2, 3);
        _shapes[IParties.RecoveryObjected.selector] = Shape(2, 1);
        _shapes[IParties.PartyRecovered.selector] = Shape(2, 2);
        _shapes[IParties.Delegated.selector] = Shape(3, 4);
    }

    function _declareLicenses() private {
        _shapes[IPolicies.PolicyStored.selector] = Shape(1, 21);
        _shapes[IPolicies.TerritoryStored.selector] = Shape(1, 4);
        _shapes[ILicenses.GrantIssued.selector] = Shape(4, 10);
        _shapes[ILicenses.GrantActivated.selector] = Shape(4, 1);
        _shapes[ILicenses.GrantUsed.selector] = Shape(4, 4);
        _shapes[ILicenses.GrantStatusSet.selector] = Shape(4, 2);
        _shapes[ILicenses.AssignmentProposed.selector] = Shape(4, 0);
        _shapes[ILicenses.AssignmentConsented.selector] = Shape(4, 0);
        _shapes[ILicenses.GrantAssigned.selector] = Shape(4, 1);
        _shapes[ILicenses.OfferMade.selector] = Shape(3, 4);
        _shapes[ILicenses.OfferClosed.selector] = Shape(3, 1);
    }

    function declared(bytes32 topic0) internal view returns (Shape memory) {
        return _shapes[topic0];
    }
}
