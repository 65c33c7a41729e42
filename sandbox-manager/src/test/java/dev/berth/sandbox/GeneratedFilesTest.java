package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.DNSConfig;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.sandbox.cni.CniArgs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Rule R9: whatever a value holds, a file that is generated with it reads back as that value, or
 * the value is refused by an error of one line. No value adds a line or a field.
 */
final class GeneratedFilesTest {
  private static final int ROUNDS = 20_000;
  private int accepted;
  private int refused;

  /** A fuzz whose texts are all taken, or all refused, shows nothing. */
  @AfterEach
  void bothHappened() {
    assertThat(accepted).isGreaterThan(ROUNDS / 100);
    assertThat(refused).isGreaterThan(ROUNDS / 100);
  }

  private <T> Optional<T> tryTo(Supplier<T> encode) {
    try {
      T encoded = encode.get();
      accepted++;
      return Optional.of(encoded);
    } catch (BerthException e) {
      refused++;
      assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT);
      assertThat(e.getMessage().chars().noneMatch(Character::isISOControl)).isTrue();
      return Optional.empty();
    }
  }

  @Test
  void resolvConfReadsBack() {
    for (long seed = 0; seed < ROUNDS; seed++) {
      var text = new HostileText(seed);
      DNSConfig dns =
          DNSConfig.newBuilder()
              .addAllServers(text.several())
              .addAllSearches(text.several())
              .addAllOptions(text.several())
              .build();
      String why = "seed " + seed;
      tryTo(() -> ResolvConf.of(dns))
          .ifPresent(file -> assertThat(parseResolvConf(file)).as(why).isEqualTo(dns));
    }
  }

  /** As resolv.conf(5) says: a keyword and words, separated by blanks; comments are passed over. */
  private static DNSConfig parseResolvConf(String file) {
    DNSConfig.Builder dns = DNSConfig.newBuilder();
    for (String line : file.split("[\n\r\u000b\f\u0085\u2028\u2029]")) {
      List<String> words = new ArrayList<>(List.of(line.split("[ \t]")));
      switch (words.removeFirst()) {
        case "nameserver" -> dns.addAllServers(words);
        case "search" -> dns.addAllSearches(words);
        case "options" -> dns.addAllOptions(words);
        case "" -> assertThat(file).isEmpty();
        default -> throw new AssertionError("a line of its own: " + line);
      }
    }
    return dns.build();
  }

  @Test
  void hostnameIsOneWord() {
    for (long seed = 0; seed < ROUNDS; seed++) {
      String hostname = new HostileText(seed).next();
      PodSandboxConfig config = PodSandboxConfig.newBuilder().setHostname(hostname).build();
      tryTo(
              () -> {
                SandboxConfigs.check(config);
                return Hostnames.of(config);
              })
          .ifPresent(file -> assertThat(file).matches("[A-Za-z0-9_.-]+"));
    }
  }

  @Test
  void argumentsOfPluginsReadBack() {
    for (long seed = 0; seed < ROUNDS; seed++) {
      var text = new HostileText(seed);
      Map<String, String> pairs = new LinkedHashMap<>();
      text.several().forEach(key -> pairs.put(key, text.next()));
      String why = "seed " + seed;
      tryTo(() -> arguments(pairs).toString())
          .ifPresent(variable -> assertThat(parseArguments(variable)).as(why).isEqualTo(pairs));
    }
  }

  private static CniArgs arguments(Map<String, String> pairs) {
    CniArgs args = CniArgs.NONE;
    for (Map.Entry<String, String> pair : pairs.entrySet()) {
      args = args.with(pair.getKey(), pair.getValue());
    }
    return args;
  }

  private static Map<String, String> parseArguments(String variable) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String pair : variable.isEmpty() ? new String[0] : variable.split(";", -1)) {
      String[] parts = pair.split("=", -1);
      assertThat(parts).hasSize(2);
      pairs.put(parts[0], parts[1]);
    }
    return pairs;
  }

  /** What a pod may be called, its plugins can be told. */
  @Test
  void namesOfPodsAreArgumentsOfPlugins() {
    for (long seed = 0; seed < ROUNDS; seed++) {
      String name = new HostileText(seed).next();
      tryTo(() -> new SandboxName(name, name, name, 0))
          .ifPresent(pod ->
              assertThat(CniArgs.NONE.with("K8S_POD_NAME", pod.name()).toString())
                  .isEqualTo("K8S_POD_NAME=" + name));
    }
  }

  @Test
  void valuesOfKernelParametersAreOneLine() {
    for (long seed = 0; seed < ROUNDS; seed++) {
      String value = new HostileText(seed).next();
      PodSandboxConfig.Builder config = PodSandboxConfig.newBuilder();
      config.getLinuxBuilder().putSysctls("kernel.shm_rmid_forced", value);
      tryTo(() -> PodSysctls.of(config.build()))
          .ifPresent(settings ->
              assertThat(settings.values())
                  .contains(value)
                  .noneMatch(one -> one.chars().anyMatch(c -> c != '\t' && c < ' ')));
    }
  }

  @Test
  void logsStayBelowTheirDirectory() {
    Path directory = Path.of("/var/log/pods/x");
    for (long seed = 0; seed < ROUNDS; seed++) {
      String path = new HostileText(seed).next();
      tryTo(() -> LogPaths.of(directory.toString(), path))
          .flatMap(log -> log)
          .ifPresent(log -> {
            assertThat(log.normalize()).isEqualTo(log).startsWithRaw(directory);
            assertThat(log.toString().chars()).noneMatch(Character::isISOControl);
          });
    }
  }
}
