package dev.berth.sandbox.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import java.net.InetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressPoolTest {
  private final AddressPool pool = new AddressPool(Subnet.parse("10.1.0.0/29"));

  private String take(String owner) {
    return pool.take(owner).getHostAddress();
  }

  @Test
  void addressesAreGivenInTurns() {
    assertThat(take("a")).isEqualTo("10.1.0.2");
    assertThat(take("b")).isEqualTo("10.1.0.3");
    pool.giveBack("a");
    assertThat(take("c")).isEqualTo("10.1.0.4");
    assertThat(take("d")).isEqualTo("10.1.0.5");
    assertThat(take("e")).isEqualTo("10.1.0.6");
    assertThat(take("f")).isEqualTo("10.1.0.2");
    assertThatThrownBy(() -> take("g"))
        .isInstanceOf(BerthException.class)
        .hasMessage("all 5 addresses of the pod network 10.1.0.0/29 are taken");
  }

  @Test
  void whatAnEarlierProcessGaveIsKept() {
    pool.adopt(InetAddress.ofLiteral("10.1.0.3"), "a");
    pool.adopt(InetAddress.ofLiteral("10.2.0.3"), "of another subnet");
    assertThat(take("b")).isEqualTo("10.1.0.4");
    assertThat(take("c")).isEqualTo("10.1.0.5");
    assertThat(take("d")).isEqualTo("10.1.0.6");
    assertThat(take("e")).isEqualTo("10.1.0.2");
    pool.giveBack("nobody");
    pool.giveBack("a");
    assertThat(take("f")).isEqualTo("10.1.0.3");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "10.1.0.0", "10.1.0.0/x", "10.1.0.1/24", "10.1.0.0/31", "0.0.0.0/0", "a/8"})
  void whatIsNoSubnetIsRefused(String text) {
    assertThatThrownBy(() -> Subnet.parse(text))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith("subnet \"" + text + "\": ");
  }

  @ParameterizedTest
  @CsvSource({
    "10.1.0.0/16, 10.1.200.1, 24, true",
    "10.1.0.0/16, 10.0.0.1, 8, true",
    "10.1.0.0/16, 10.2.0.1, 16, false",
    "10.1.0.0/16, fd00::1, 64, false",
    "fd00::/64, fd00::1, 128, true",
  })
  void overlapIsFound(String subnet, String address, int prefixLength, boolean overlaps) {
    assertThat(Subnet.parse(subnet).overlaps(InetAddress.ofLiteral(address), prefixLength))
        .isEqualTo(overlaps);
  }

  @Test
  void lastAddressesOfLargeSubnetsAreReached() {
    Subnet subnet = Subnet.parse("fd00:1:2:3::/64");
    assertThat(subnet.address(65536).getHostAddress()).isEqualTo("fd00:1:2:3:0:0:1:0");
    assertThat(subnet.numberOf(subnet.address(65536))).isEqualTo(65536);
    assertThat(Subnet.parse("10.1.0.0/16").lastHost()).isEqualTo(65534);
  }
}
