package dev.berth.image.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The variables mean here what they mean to programs written in Go. */
class ProxyRulesTest {
  private static String proxyFor(Map<String, String> environment, String url) {
    URI asked = URI.create(url);
    return ProxyRules.of(environment)
        .proxyFor(asked.getScheme(), asked.getHost(), asked.getPort())
        .map(ProxyRules.Proxy::toString)
        .orElse("direct");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''                       | https://quay.test       | http://proxy:3128",
        "*                        | https://quay.test       | direct",
        "quay.test                | https://quay.test       | direct",
        "QUAY.test                | https://Quay.Test:5000  | direct",
        "quay.test                | https://cdn.quay.test   | direct",
        "quay.test                | https://myquay.test     | http://proxy:3128",
        ".quay.test               | https://quay.test       | http://proxy:3128",
        ".quay.test               | https://cdn.quay.test   | direct",
        "*.quay.test              | https://cdn.quay.test   | direct",
        "quay.test:5000           | https://quay.test:5000  | direct",
        "quay.test:5000           | https://quay.test       | http://proxy:3128",
        "quay.test:443            | https://quay.test       | direct",
        "other.test, 10.0.0.0/8   | https://10.200.3.4      | direct",
        "10.0.0.0/8               | https://11.0.0.1        | http://proxy:3128",
        "10.1.2.3                 | https://10.1.2.3        | direct",
        "10.1.2.3                 | https://10.1.2.34       | http://proxy:3128",
        "10.1.2.3:5000            | https://10.1.2.3:5000   | direct",
        "10.1.2.3:5000            | https://10.1.2.3        | http://proxy:3128",
        "fd00::/8                 | https://[fd12::1]       | direct",
        "fd12::1                  | https://[fd12::1]:5000  | direct",
        "[fd12::1]:5000           | https://[fd12::1]:5000  | direct",
        "[fd12::1]:5000           | https://[fd12::1]       | http://proxy:3128",
        "10.0.0.0/99, nonsense//  | https://10.0.0.1        | http://proxy:3128",
        "''                       | https://localhost:5000  | direct",
        "''                       | https://127.3.2.1:5000  | direct",
        "''                       | https://[::1]:5000      | direct",
        "''                       | http://quay.test        | direct",
      })
  void exceptionsAreDomainsSuffixesNetworksAndPorts(String noProxy, String url, String proxy) {
    assertThat(proxyFor(Map.of("HTTPS_PROXY", "http://proxy:3128", "NO_PROXY", noProxy), url))
        .isEqualTo(proxy);
  }

  @Test
  void eachSchemeHasItsVariableInCapitalsOrNot() {
    var environment = Map.of("http_proxy", "a:1", "HTTPS_PROXY", "https://b", "https_proxy", "c");
    assertThat(proxyFor(environment, "http://x.test")).isEqualTo("http://a:1");
    assertThat(proxyFor(environment, "https://x.test")).isEqualTo("https://b:443");
    assertThat(proxyFor(Map.of(), "https://x.test")).isEqualTo("direct");
  }

  @Test
  void credentialsAreDecodedAndNeverPrinted() {
    var proxy =
        ProxyRules.of(Map.of("HTTPS_PROXY", "http://us%40er:p%2Fa+ss@proxy:1"))
            .proxyFor("https", "x.test", -1)
            .orElseThrow();
    assertThat(proxy.user()).isEqualTo("us@er");
    assertThat(proxy.password()).isEqualTo("p/a+ss");
    assertThat(proxy.toString()).isEqualTo("http://proxy:1");
  }

  @ParameterizedTest
  @CsvSource({"socks5://proxy:1080", "http://", "http://user:secret@ho st", "http://proxy:99999"})
  void whatIsNoProxyIsRefusedByTheNameOfTheVariable(String url) {
    assertThatThrownBy(() -> ProxyRules.of(Map.of("HTTPS_PROXY", url)))
        .hasMessage("environment HTTPS_PROXY: not the URL of an http or https proxy");
  }
}
