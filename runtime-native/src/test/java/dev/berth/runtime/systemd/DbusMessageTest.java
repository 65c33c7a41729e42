package dev.berth.runtime.systemd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.systemd.UnitProperty.Value;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The wire format of the D-Bus specification, section "Message Format". */
class DbusMessageTest {
  private static final DbusMessage CALL =
      DbusMessage.call(
          7, "/o", "i.f", "Method", "su", new DbusWriter().text("unit").number(0x01020304));

  @Test
  void callIsMarshalledAsTheSpecificationSays() {
    assertThat(HexFormat.of().formatHex(CALL.encode()))
        .isEqualTo(
            "6c010001"
                + "10000000"
                + "07000000"
                + "38000000"
                + "01016f00"
                + "02000000"
                + "2f6f0000"
                + "00000000" // path, at 8
                + "02017300"
                + "03000000"
                + "692e6600"
                + "00000000" // interface
                + "03017300"
                + "06000000"
                + "4d6574686f640000" // member
                + "08016700"
                + "02737500" // signature
                + "04000000"
                + "756e6974"
                + "00000000"
                + "04030201");
  }

  @Test
  void messageReadsAsItWasWritten() {
    byte[] bytes = CALL.encode();
    assertThat(DbusMessage.length(Arrays.copyOf(bytes, DbusMessage.FIXED_HEADER)))
        .isEqualTo(bytes.length);
    DbusMessage read = DbusMessage.decode(bytes);
    assertThat(read.type()).isEqualTo(DbusMessage.CALL);
    assertThat(read.serial()).isEqualTo(7);
    assertThat(read.path()).isEqualTo("/o");
    assertThat(read.target()).isEqualTo("i.f");
    assertThat(read.member()).isEqualTo("Method");
    DbusReader body = read.reader();
    assertThat(body.text()).isEqualTo("unit");
    assertThat(body.number()).isEqualTo(0x01020304);
    assertThat(body.hasMore()).isFalse();
  }

  @Test
  void bigEndianPeersAreUnderstood() {
    byte[] reply =
        HexFormat.of()
            .parseHex(
                "42020101"
                    + "00000008"
                    + "00000009"
                    + "0000000f"
                    + "05017500"
                    + "00000007"
                    + "08016700"
                    + "01730000"
                    + "00000003"
                    + "61626300");
    DbusMessage read = DbusMessage.decode(reply);
    assertThat(read.replySerial()).isEqualTo(7);
    assertThat(read.reader().text()).isEqualTo("abc");
  }

  @Test
  void propertiesAreVariantsOfTheirTypes() {
    DbusWriter out = new DbusWriter();
    UnitProperty.of("A", true).write(out);
    new UnitProperty("B", new Value.NumberSet(List.of(0, 9))).write(out);
    assertThat(HexFormat.of().formatHex(out.toByteArray()))
        .isEqualTo(
            "01000000"
                + "41000162"
                + "00000000"
                + "01000000"
                + "01000000"
                + "42000261"
                + "79000000"
                + "02000000"
                + "0102");
  }

  @Test
  void messagesThatAreTooLongAreRefusedBeforeTheyAreRead() {
    byte[] header = CALL.encode();
    header[7] = 0x7f;
    assertThatThrownBy(() -> DbusMessage.length(header))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("malformed D-Bus message");
    header[15] = (byte) 0xff;
    assertThatThrownBy(() -> DbusMessage.length(header)).isInstanceOf(BerthException.class);
  }

  /** Whatever a peer sends: it is a message, or an error of ours. */
  @Test
  void brokenMessagesAreErrorsAndNothingElse() {
    Random random = new Random(1);
    byte[] good = CALL.encode();
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = good.clone();
      for (int changes = random.nextInt(4); changes >= 0; changes--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      tryToRead(Arrays.copyOf(bytes, random.nextInt(bytes.length + 1)));
    }
  }

  private static void tryToRead(byte[] bytes) {
    try {
      if (bytes.length >= DbusMessage.FIXED_HEADER && DbusMessage.length(bytes) <= bytes.length) {
        DbusReader body = DbusMessage.decode(bytes).reader();
        body.text();
        body.number();
      }
    } catch (BerthException e) {
      assertThat(e).hasMessageStartingWith("malformed D-Bus message: ");
    }
  }
}
