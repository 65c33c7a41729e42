package dev.berth.runtime.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A rule of the packet filter, as the kernel has it: expressions that load a part of the packet
 * into registers, compare them, and at last decide. A comparison that fails ends the rule.
 *
 * <p>See linux/netfilter/nf_tables.h. {@code nft --debug=netlink list ruleset} prints rules in
 * these terms. Not thread-safe.
 */
public final class NfRule {
  // linux/netfilter/nf_tables.h
  private static final int NFTA_LIST_ELEM = 1;
  private static final int NFTA_EXPR_NAME = 1;
  private static final int NFTA_EXPR_DATA = 2;
  private static final int NFT_REG_VERDICT = 0;
  private static final int NFT_REG32_00 = 8;
  private static final int NFTA_DATA_VALUE = 1;
  private static final int NFTA_DATA_VERDICT = 2;
  private static final int NFTA_VERDICT_CODE = 1;
  private static final int NFTA_VERDICT_CHAIN = 2;
  private static final int NFT_JUMP = -3;
  private static final int NFTA_META_DREG = 1;
  private static final int NFTA_META_KEY = 2;
  private static final int NFT_META_IIFNAME = 6;
  private static final int NFT_META_OIFNAME = 7;
  private static final int NFT_META_NFPROTO = 15;
  private static final int NFT_META_L4PROTO = 16;
  private static final int NFTA_CMP_SREG = 1;
  private static final int NFTA_CMP_OP = 2;
  private static final int NFTA_CMP_DATA = 3;
  private static final int NFT_CMP_EQ = 0;
  private static final int NFT_CMP_NEQ = 1;
  private static final int NFTA_PAYLOAD_DREG = 1;
  private static final int NFTA_PAYLOAD_BASE = 2;
  private static final int NFTA_PAYLOAD_OFFSET = 3;
  private static final int NFTA_PAYLOAD_LEN = 4;
  private static final int NFT_PAYLOAD_NETWORK_HEADER = 1;
  private static final int NFT_PAYLOAD_TRANSPORT_HEADER = 2;
  private static final int NFTA_BITWISE_SREG = 1;
  private static final int NFTA_BITWISE_DREG = 2;
  private static final int NFTA_BITWISE_LEN = 3;
  private static final int NFTA_BITWISE_MASK = 4;
  private static final int NFTA_BITWISE_XOR = 5;
  private static final int NFTA_IMMEDIATE_DREG = 1;
  private static final int NFTA_IMMEDIATE_DATA = 2;
  private static final int NFTA_LOOKUP_SET = 1;
  private static final int NFTA_LOOKUP_SREG = 2;
  private static final int NFTA_LOOKUP_DREG = 3;
  private static final int NFTA_NAT_TYPE = 1;
  private static final int NFTA_NAT_FAMILY = 2;
  private static final int NFTA_NAT_REG_ADDR_MIN = 3;
  private static final int NFTA_NAT_REG_PROTO_MIN = 5;
  private static final int NFT_NAT_DNAT = 1;
  private static final int NFTA_FIB_DREG = 1;
  private static final int NFTA_FIB_RESULT = 2;
  private static final int NFTA_FIB_FLAGS = 3;
  private static final int NFT_FIB_RESULT_ADDRTYPE = 3;
  private static final int NFTA_FIB_F_DADDR = 2;
  private static final int NFTA_CT_DREG = 1;
  private static final int NFTA_CT_KEY = 2;
  private static final int NFT_CT_STATUS = 2;
  // linux/netfilter.h, linux/rtnetlink.h, linux/netfilter/nf_conntrack_common.h, linux/if.h
  private static final int NF_DROP = 0;
  private static final int NFPROTO_IPV4 = 2;
  private static final int NFPROTO_IPV6 = 10;
  private static final int RTN_LOCAL = 2;
  private static final int IPS_DST_NAT = 1 << 5;
  private static final int IFNAMSIZ = 16;
  private static final int REGISTER_BYTES = 4;

  private final List<Expression> expressions = new ArrayList<>();

  private record Expression(String name, Consumer<NetlinkMessage> data) {}

  /** Which protocol of the internet a rule is about, and where its headers have what. */
  public enum Family {
    IPV4(NFPROTO_IPV4, 12, 16, 4),
    IPV6(NFPROTO_IPV6, 8, 24, 16);

    private final int number;
    private final int sourceOffset;
    private final int destinationOffset;
    private final int addressBytes;

    Family(int number, int sourceOffset, int destinationOffset, int addressBytes) {
      this.number = number;
      this.sourceOffset = sourceOffset;
      this.destinationOffset = destinationOffset;
      this.addressBytes = addressBytes;
    }
  }

  /** Goes on with packets of a family only; what asks for addresses must come after it. */
  public NfRule family(Family family) {
    return meta(NFT_META_NFPROTO, 0).compare(NFT_CMP_EQ, new byte[] {(byte) family.number});
  }

  /** Goes on with packets that came in by a device of this name. */
  public NfRule cameInBy(String device) {
    return meta(NFT_META_IIFNAME, 0).compare(NFT_CMP_EQ, deviceName(device));
  }

  /** Goes on with packets that leave by a device of this name. */
  public NfRule leavesBy(String device) {
    return meta(NFT_META_OIFNAME, 0).compare(NFT_CMP_EQ, deviceName(device));
  }

  /** Goes on with packets that leave by another device than that of this name. */
  public NfRule leavesByAnotherThan(String device) {
    return meta(NFT_META_OIFNAME, 0).compare(NFT_CMP_NEQ, deviceName(device));
  }

  /** Goes on with packets whose source lies in a network. */
  public NfRule from(Family family, byte[] network, int prefixLength) {
    return address(family.sourceOffset, family, NFT_CMP_EQ, network, prefixLength);
  }

  /** Goes on with packets whose destination lies in a network. */
  public NfRule to(Family family, byte[] network, int prefixLength) {
    return address(family.destinationOffset, family, NFT_CMP_EQ, network, prefixLength);
  }

  /** Goes on with packets whose destination lies outside of a network. */
  public NfRule toOutside(Family family, byte[] network, int prefixLength) {
    return address(family.destinationOffset, family, NFT_CMP_NEQ, network, prefixLength);
  }

  /** Goes on with packets to one of this host's own addresses. */
  public NfRule toThisHost() {
    add(
        "fib",
        data ->
            data.bigEndian(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE)
                .bigEndian(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR)
                .bigEndian(NFTA_FIB_DREG, NFT_REG32_00));
    return compare(NFT_CMP_EQ, hostOrder(RTN_LOCAL));
  }

  /** Goes on with packets whose destination was changed on their way here. */
  public NfRule wasRedirected() {
    add(
        "ct",
        data -> data.bigEndian(NFTA_CT_KEY, NFT_CT_STATUS).bigEndian(NFTA_CT_DREG, NFT_REG32_00));
    return mask(hostOrder(IPS_DST_NAT)).compare(NFT_CMP_NEQ, hostOrder(0));
  }

  /**
   * Sends packets to where a map says, and goes on with those that it does not have.
   *
   * @param map from {@code [address .] protocol . port} to {@code address . port}
   * @param withAddress whether the destination's address is part of the key
   */
  public NfRule redirect(Family family, String map, boolean withAddress) {
    int register = 0;
    if (withAddress) {
      load(NFT_PAYLOAD_NETWORK_HEADER, family.destinationOffset, family.addressBytes, 0);
      register = family.addressBytes / REGISTER_BYTES;
    }
    meta(NFT_META_L4PROTO, register);
    load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, register + 1); // the port: TCP, UDP and SCTP alike
    add(
        "lookup",
        data ->
            data.text(NFTA_LOOKUP_SET, map)
                .bigEndian(NFTA_LOOKUP_SREG, NFT_REG32_00)
                .bigEndian(NFTA_LOOKUP_DREG, NFT_REG32_00));
    return add(
        "nat",
        data ->
            data.bigEndian(NFTA_NAT_TYPE, NFT_NAT_DNAT)
                .bigEndian(NFTA_NAT_FAMILY, family.number)
                .bigEndian(NFTA_NAT_REG_ADDR_MIN, NFT_REG32_00)
                .bigEndian(
                    NFTA_NAT_REG_PROTO_MIN, NFT_REG32_00 + family.addressBytes / REGISTER_BYTES));
  }

  /** Lets packets leave in the name of the device that they leave by. */
  public NfRule masquerade() {
    return add("masq", _ -> {});
  }

  /** Goes on in another chain, and comes back. */
  public NfRule jump(String chain) {
    return verdict(NFT_JUMP, code -> code.text(NFTA_VERDICT_CHAIN, chain));
  }

  /** Drops the packets. */
  public NfRule drop() {
    return verdict(NF_DROP, _ -> {});
  }

  private NfRule verdict(int code, Consumer<NetlinkMessage> more) {
    return add(
        "immediate",
        data ->
            data.bigEndian(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT)
                .nested(
                    NFTA_IMMEDIATE_DATA,
                    value ->
                        value.nested(
                            NFTA_DATA_VERDICT,
                            verdict -> {
                              verdict.bigEndian(NFTA_VERDICT_CODE, code);
                              more.accept(verdict);
                            })));
  }

  private NfRule address(
      int offset, Family family, int operator, byte[] network, int prefixLength) {
    load(NFT_PAYLOAD_NETWORK_HEADER, offset, family.addressBytes, 0);
    if (prefixLength < family.addressBytes * 8) {
      mask(maskOf(prefixLength, family.addressBytes));
    }
    return compare(operator, network);
  }

  private static byte[] maskOf(int prefixLength, int bytes) {
    byte[] mask = new byte[bytes];
    for (int i = 0; i < prefixLength; i++) {
      mask[i / 8] |= (byte) (0x80 >> i % 8);
    }
    return mask;
  }

  private NfRule meta(int key, int register) {
    return add(
        "meta",
        data ->
            data.bigEndian(NFTA_META_KEY, key).bigEndian(NFTA_META_DREG, NFT_REG32_00 + register));
  }

  private void load(int base, int offset, int length, int register) {
    add(
        "payload",
        data ->
            data.bigEndian(NFTA_PAYLOAD_DREG, NFT_REG32_00 + register)
                .bigEndian(NFTA_PAYLOAD_BASE, base)
                .bigEndian(NFTA_PAYLOAD_OFFSET, offset)
                .bigEndian(NFTA_PAYLOAD_LEN, length));
  }

  private NfRule mask(byte[] mask) {
    return add(
        "bitwise",
        data ->
            data.bigEndian(NFTA_BITWISE_SREG, NFT_REG32_00)
                .bigEndian(NFTA_BITWISE_DREG, NFT_REG32_00)
                .bigEndian(NFTA_BITWISE_LEN, mask.length)
                .nested(NFTA_BITWISE_MASK, value -> value.attribute(NFTA_DATA_VALUE, mask))
                .nested(
                    NFTA_BITWISE_XOR,
                    value -> value.attribute(NFTA_DATA_VALUE, new byte[mask.length])));
  }

  private NfRule compare(int operator, byte[] with) {
    return add(
        "cmp",
        data ->
            data.bigEndian(NFTA_CMP_SREG, NFT_REG32_00)
                .bigEndian(NFTA_CMP_OP, operator)
                .nested(NFTA_CMP_DATA, value -> value.attribute(NFTA_DATA_VALUE, with)));
  }

  private NfRule add(String name, Consumer<NetlinkMessage> data) {
    expressions.add(new Expression(name, data));
    return this;
  }

  private static byte[] hostOrder(int number) {
    return ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(number).array();
  }

  private static byte[] deviceName(String name) {
    byte[] bytes = name.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(IFNAMSIZ).put(bytes).array();
  }

  void writeTo(NetlinkMessage list) {
    for (Expression expression : expressions) {
      list.nested(
          NFTA_LIST_ELEM,
          element ->
              element
                  .text(NFTA_EXPR_NAME, expression.name)
                  .nested(NFTA_EXPR_DATA, expression.data));
    }
  }
}
