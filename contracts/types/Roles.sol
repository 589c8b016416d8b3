// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

// What a party may be admitted as: one bit each, in the order of domain 3.2. A bit is never reused.
uint32 constant ROLE_REGULATOR = 1 << 0; // 监管
uint32 constant ROLE_XB_AUTHORITY = 1 << 1; // 网信/管委会
uint32 constant ROLE_EXCHANGE = 1 << 2; // 交易所
uint32 constant ROLE_VENUE = 1 << 3; // 功能平台
uint32 constant ROLE_SUPPLIER = 1 << 4; // 供方
uint32 constant ROLE_CONSUMER = 1 << 5; // 需方
uint32 constant ROLE_DATA_OPERATOR = 1 << 6; // 数据运营商
uint32 constant ROLE_SERVICE_PROVIDER = 1 << 7; // 数据服务商
uint32 constant ROLE_ASSESSOR_COMPLIANCE = 1 << 8;
uint32 constant ROLE_ASSESSOR_QUALITY = 1 << 9;
uint32 constant ROLE_ASSESSOR_VALUATION = 1 << 10;
uint32 constant ROLE_ASSESSOR_SECURITY = 1 << 11;
uint32 constant ROLE_BROKER = 1 << 12; // 经纪
uint32 constant ROLE_CONSULTANT = 1 << 13; // 咨询
uint32 constant ROLE_CUSTODIAN = 1 << 14; // 存储
uint32 constant ROLE_CLEARING = 1 << 15; // 清算
uint32 constant ROLE_ARBITER = 1 << 16; // 仲裁
uint32 constant ROLE_FINANCIER = 1 << 17; // 融资
uint32 constant ROLE_IP_OFFICE = 1 << 18;
uint32 constant ROLE_XB_SERVICE = 1 << 19; // 跨境配套
uint32 constant ROLE_ANCHOR = 1 << 20; // a service's own key
uint32 constant ROLE_STANDARDS = 1 << 21;
uint32 constant ROLE_PUBLIC_BODY = 1 << 22; // 公共机构
uint32 constant ROLE_INCUBATOR = 1 << 23;
uint32 constant ROLE_AUDITOR = 1 << 24;
uint32 constant ROLE_TRADER = 1 << 25; // 行业数据交易商

uint32 constant ROLES_ALL = (1 << 26) - 1;

// A party stands on one side only: it trades, or it runs the place where others trade, or it
// supervises both (domain 3.2, P2).
uint32 constant ROLES_TRADING = ROLE_SUPPLIER | ROLE_CONSUMER | ROLE_DATA_OPERATOR | ROLE_BROKER | ROLE_TRADER;
uint32 constant ROLES_VENUE = ROLE_EXCHANGE | ROLE_VENUE | ROLE_CLEARING;
uint32 constant ROLES_SUPERVISION = ROLE_REGULATOR | ROLE_XB_AUTHORITY | ROLE_ARBITER;

// Who may register a dataset: everyone who brings data to the exchange.
uint32 constant ROLES_SUPPLYING = ROLE_SUPPLIER | ROLE_DATA_OPERATOR | ROLE_PUBLIC_BODY | ROLE_TRADER;
