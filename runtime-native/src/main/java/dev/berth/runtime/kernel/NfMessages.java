package dev.berth.runtime.kernel;

/** The messages of nf_tables: linux/netfilter/nf_tables.h. All tables are of the family inet. */
final class NfMessages {
  // linux/netlink.h, linux/netfilter/nfnetlink.h
  private static final int NLM_F_CREATE = 0x400;
  private static final int NLM_F_EXCL = 0x200;
  private static final int NLM_F_APPEND = 0x800;
  private static final int NFNL_SUBSYS_NFTABLES = 10;
  private static final int NFNL_MSG_BATCH_BEGIN = 16;
  private static final int NFNL_MSG_BATCH_END = 17;
  static final int SIZE_OF_NFGENMSG = 4;
  // linux/netfilter.h
  private static final int NFPROTO_INET = 1;
  // linux/netfilter/nf_tables.h
  private static final int NFT_MSG_NEWTABLE = 0;
  private static final int NFT_MSG_GETTABLE = 1;
  private static final int NFT_MSG_DELTABLE = 2;
  private static final int NFT_MSG_NEWCHAIN = 3;
  private static final int NFT_MSG_NEWRULE = 6;
  private static final int NFT_MSG_NEWSET = 9;
  private static final int NFT_MSG_NEWSETELEM = 12;
  private static final int NFT_MSG_DELSETELEM = 14;
  private static final int NFT_MSG_NEWGEN = 15;
  static final int NFTA_TABLE_NAME = 1;
  private static final int NFTA_TABLE_FLAGS = 2;
  private static final int NFTA_CHAIN_TABLE = 1;
  private static final int NFTA_CHAIN_NAME = 3;
  private static final int NFTA_CHAIN_HOOK = 4;
  private static final int NFTA_CHAIN_TYPE = 7;
  private static final int NFTA_HOOK_HOOKNUM = 1;
  private static final int NFTA_HOOK_PRIORITY = 2;
  private static final int NFTA_RULE_TABLE = 1;
  private static final int NFTA_RULE_CHAIN = 2;
  private static final int NFTA_RULE_EXPRESSIONS = 4;
  private static final int NFTA_SET_TABLE = 1;
  private static final int NFTA_SET_NAME = 2;
  private static final int NFTA_SET_FLAGS = 3;
  private static final int NFTA_SET_KEY_TYPE = 4;
  private static final int NFTA_SET_KEY_LEN = 5;
  private static final int NFTA_SET_DATA_TYPE = 6;
  private static final int NFTA_SET_DATA_LEN = 7;
  private static final int NFTA_SET_ID = 10;
  private static final int NFT_SET_MAP = 8;
  private static final int NFTA_SET_ELEM_LIST_TABLE = 1;
  private static final int NFTA_SET_ELEM_LIST_SET = 2;
  private static final int NFTA_SET_ELEM_LIST_ELEMENTS = 3;
  private static final int NFTA_LIST_ELEM = 1;
  private static final int NFTA_SET_ELEM_KEY = 1;
  private static final int NFTA_SET_ELEM_DATA = 2;
  private static final int NFTA_DATA_VALUE = 1;

  private NfMessages() {}

  static NetlinkMessage begin() {
    return mark(NFNL_MSG_BATCH_BEGIN);
  }

  static NetlinkMessage end() {
    return mark(NFNL_MSG_BATCH_END);
  }

  private static NetlinkMessage mark(int type) {
    return NetlinkMessage.of(type, 0)
        .putByte(0)
        .putByte(0)
        .putByte(0)
        .putByte(NFNL_SUBSYS_NFTABLES); // res_id, in network order
  }

  /** Tells whether a report is of a table, or of something inside one. */
  static boolean isAboutTable(int type) {
    return type >> 8 == NFNL_SUBSYS_NFTABLES && (type & 0xFF) != NFT_MSG_NEWGEN;
  }

  static NetlinkMessage newTable(String table) {
    return of(NFT_MSG_NEWTABLE, NLM_F_CREATE)
        .text(NFTA_TABLE_NAME, table)
        .bigEndian(NFTA_TABLE_FLAGS, 0);
  }

  static NetlinkMessage getTable(String table) {
    return of(NFT_MSG_GETTABLE, 0).text(NFTA_TABLE_NAME, table);
  }

  static NetlinkMessage deleteTable(String table) {
    return of(NFT_MSG_DELTABLE, 0).text(NFTA_TABLE_NAME, table);
  }

  static NetlinkMessage newChain(String table, String chain) {
    return of(NFT_MSG_NEWCHAIN, NLM_F_CREATE)
        .text(NFTA_CHAIN_TABLE, table)
        .text(NFTA_CHAIN_NAME, chain);
  }

  static NetlinkMessage newBaseChain(String table, NfBatch.BaseChain chain) {
    return newChain(table, chain.name())
        .text(NFTA_CHAIN_TYPE, chain.type())
        .nested(
            NFTA_CHAIN_HOOK,
            hook ->
                hook.bigEndian(NFTA_HOOK_HOOKNUM, chain.hook().number())
                    .bigEndian(NFTA_HOOK_PRIORITY, chain.priority()));
  }

  static NetlinkMessage newRule(String table, String chain, NfRule rule) {
    return of(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND)
        .text(NFTA_RULE_TABLE, table)
        .text(NFTA_RULE_CHAIN, chain)
        .nested(NFTA_RULE_EXPRESSIONS, rule::writeTo);
  }

  static NetlinkMessage newMap(String table, NfBatch.MapType map, int id) {
    return of(NFT_MSG_NEWSET, NLM_F_CREATE)
        .text(NFTA_SET_TABLE, table)
        .text(NFTA_SET_NAME, map.name())
        .bigEndian(NFTA_SET_FLAGS, NFT_SET_MAP)
        .bigEndian(NFTA_SET_KEY_TYPE, NfBatch.FieldType.numberOf(map.key()))
        .bigEndian(NFTA_SET_KEY_LEN, NfBatch.FieldType.bytesOf(map.key()))
        .bigEndian(NFTA_SET_DATA_TYPE, NfBatch.FieldType.numberOf(map.value()))
        .bigEndian(NFTA_SET_DATA_LEN, NfBatch.FieldType.bytesOf(map.value()))
        .bigEndian(NFTA_SET_ID, id);
  }

  static NetlinkMessage newElement(String table, String map, byte[] key, byte[] value) {
    return element(of(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL), table, map, key, value);
  }

  static NetlinkMessage deleteElement(String table, String map, byte[] key) {
    return element(of(NFT_MSG_DELSETELEM, 0), table, map, key, new byte[0]);
  }

  private static NetlinkMessage element(
      NetlinkMessage message, String table, String map, byte[] key, byte[] value) {
    return message
        .text(NFTA_SET_ELEM_LIST_TABLE, table)
        .text(NFTA_SET_ELEM_LIST_SET, map)
        .nested(
            NFTA_SET_ELEM_LIST_ELEMENTS,
            list ->
                list.nested(
                    NFTA_LIST_ELEM,
                    element -> {
                      value(element, NFTA_SET_ELEM_KEY, key);
                      if (value.length > 0) {
                        value(element, NFTA_SET_ELEM_DATA, value);
                      }
                    }));
  }

  private static void value(NetlinkMessage message, int type, byte[] value) {
    message.nested(type, data -> data.attribute(NFTA_DATA_VALUE, value));
  }

  private static NetlinkMessage of(int type, int flags) {
    return NetlinkMessage.of(NFNL_SUBSYS_NFTABLES << 8 | type, NetlinkMessage.NLM_F_ACK | flags)
        .putByte(NFPROTO_INET)
        .putByte(0)
        .putShort(0);
  }
}
