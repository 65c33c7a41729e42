package dev.berth.sandbox.cni;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class CniResultTest {
  @Test
  void onlyAddressesOfThePodsInterfaceCountAndIpv4ComesFirst() {
    var result =
        CniResult.fromJson(
            """
            {"cniVersion": "1.0.0",
             "interfaces": [{"name": "br0"}, {"name": "eth0", "sandbox": "/run/netns/x"},
                            {"name": "eth0"}],
             "ips": [{"address": "fd00::7/64", "interface": 1},
                     {"address": "10.0.0.1/16", "interface": 0},
                     {"address": "10.0.0.7/16", "interface": 1},
                     {"address": "10.0.0.9/16", "interface": 2},
                     {"address": "10.0.0.8/16", "interface": 44}]}
            """);
    assertThat(result.addresses("eth0")).containsExactly("10.0.0.7", "fd00::7");
  }

  @Test
  void anAddressWithoutInterfaceBelongsToThePod() {
    var result = CniResult.fromJson("{\"ips\": [{\"address\": \"10.0.0.7/16\"}]}");
    assertThat(result.addresses("eth0")).containsExactly("10.0.0.7");
  }

  @Test
  void resultsOfOldPluginsAreUnderstood() {
    var result = CniResult.fromJson("{\"ip4\": {\"ip\": \"10.0.0.7/16\"}}");
    assertThat(result.addresses("eth0")).containsExactly("10.0.0.7");
  }

  @Test
  void noResultHasNoAddresses() {
    assertThat(CniResult.NONE.addresses("eth0")).isEmpty();
    assertThat(CniResult.fromJson(CniResult.NONE.toJson())).isEqualTo(CniResult.NONE);
  }
}
