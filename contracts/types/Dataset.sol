// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DatasetId, PartyId} from "./Ids.sol";

enum SourceKind {
    NONE,
    PUBLIC, // 公共数据
    ENTERPRISE, // 企业数据
    PERSONAL // 个人数据
}

enum Form {
    NONE,
    RAW, // 原始数据
    RESOURCE, // 数据资源
    PRODUCT // 数据产品
}

/// @notice Grade under GB/T 43697: the highest that applies.
enum Level {
    NONE,
    GENERAL, // 一般
    IMPORTANT, // 重要
    CORE // 核心: may not enter the ledger
}

/// @notice Personal information in it (PIPL §4, §28).
enum PiKind {
    NONE,
    PERSONAL,
    SENSITIVE
}

/// @notice How far public data is open; NONE for data that is not public.
enum OpenClass {
    NONE,
    OPEN, // 无条件开放
    CONDITIONAL, // 有条件开放
    CLOSED // 非开放
}

enum DatasetStatus {
    NONE,
    REGISTERED,
    DEREGISTERED
}

/// @notice SUPERSEDED is derived: an active version that is not the latest.
enum VersionStatus {
    NONE,
    ACTIVE,
    SUPERSEDED,
    WITHDRAWN
}

/// @notice What is declared about a dataset at registration.
/// @param originCountry Where the data comes from: ISO 3166-1 alpha-2, upper case.
/// @param sectors Bits of the sectors it belongs to.
struct Classification {
    SourceKind sourceKind;
    Form form;
    Level level;
    uint8 subLevel;
    PiKind piKind;
    OpenClass openClass;
    bytes2 originCountry;
    uint32 sectors;
}

/// @notice A {Classification} in 96 bits, as events and storage carry it. From the highest bit:
/// sourceKind 8, form 8, level 8, subLevel 8, piKind 8, openClass 8, originCountry 16, sectors 32.
type PackedClassification is uint96;

function pack(Classification calldata c) pure returns (PackedClassification) {
    uint256 word = uint8(c.sourceKind);
    word = (word << 8) | uint8(c.form);
    word = (word << 8) | uint8(c.level);
    word = (word << 8) | c.subLevel;
    word = (word << 8) | uint8(c.piKind);
    word = (word << 8) | uint8(c.openClass);
    word = (word << 16) | uint16(c.originCountry);
    return PackedClassification.wrap(uint96((word << 32) | c.sectors));
}

function unpack(PackedClassification packed) pure returns (Classification memory) {
    uint96 word = PackedClassification.unwrap(packed);
    return Classification({
        sourceKind: SourceKind(uint8(word >> 88)),
        form: Form(uint8(word >> 80)),
        level: Level(uint8(word >> 72)),
        subLevel: uint8(word >> 64),
        piKind: PiKind(uint8(word >> 56)),
        openClass: OpenClass(uint8(word >> 48)),
        originCountry: bytes2(uint16(word >> 32)),
        sectors: uint32(word)
    });
}

function levelOf(PackedClassification packed) pure returns (Level) {
    return Level(uint8(PackedClassification.unwrap(packed) >> 72));
}

function piKindOf(PackedClassification packed) pure returns (PiKind) {
    return PiKind(uint8(PackedClassification.unwrap(packed) >> 56));
}

function originOf(PackedClassification packed) pure returns (bytes2) {
    return bytes2(uint16(PackedClassification.unwrap(packed) >> 32));
}

/// @notice One fixed state of a dataset, by content.
/// @param root Root of its manifest (design 4.2). Not zero.
/// @param manifestHash SHA-256 of the manifest document. Not zero.
/// @param metadataHash SHA-256 of the metadata document, or zero.
/// @param activity The activity that made it, or zero.
/// @param salt Opens an earlier commitment to the root; zero for none.
struct Content {
    bytes32 root;
    bytes32 manifestHash;
    bytes32 metadataHash;
    uint64 activity;
    bytes32 salt;
}

/// @notice A dataset as it stands.
/// @param versions Number of its latest version.
struct Dataset {
    Classification classification;
    DatasetStatus status;
    uint32 versions;
}

/// @notice That a version of a dataset has this content.
/// @param claimant The party that published it.
/// @param precedence Block of publication, or of the commitment that it opened.
struct Claim {
    DatasetId dataset;
    uint32 version;
    uint48 precedence;
    PartyId claimant;
}

/// @notice Two claims to the same content; a hold stands on the dataset of the later one.
/// @param version Number of the later claim's version.
struct Contest {
    DatasetId earlier;
    DatasetId later;
    uint32 version;
    bool ended;
    bytes32 root;
}
