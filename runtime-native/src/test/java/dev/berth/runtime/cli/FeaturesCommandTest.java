package dev.berth.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.runtime.seccomp.SeccompCompiler;
import dev.berth.runtime.spec.Seccomp;
import dev.berth.runtime.spec.SpecJson;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What {@code berth-runtime features} promises is what the compilers take. */
class FeaturesCommandTest {
  private JsonObject features = new JsonObject();

  @BeforeEach
  void ask() {
    var out = new StringWriter();
    assertThat(RuntimeCli.commandLine().setOut(new PrintWriter(out)).execute("features")).isZero();
    features = JsonParser.parseString(out.toString()).getAsJsonObject();
  }

  private static List<String> texts(JsonElement array) {
    return array.getAsJsonArray().asList().stream().map(JsonElement::getAsString).toList();
  }

  @Test
  void namesTheVersionsHooksAndMountOptionsOfTheSpecification() {
    assertThat(features.get("ociVersionMax").getAsString()).isEqualTo("1.3.0");
    assertThat(texts(features.get("hooks"))).hasSize(6).contains("createContainer");
    assertThat(texts(features.get("mountOptions")))
        .isSorted()
        .contains("rbind", "rro", "rslave", "idmap", "nosymfollow", "rnorelatime")
        .contains("tmpcopyup")
        .doesNotContain("mode=755");
  }

  @Test
  void namesTheMemoryPoliciesOfTheSpecification() {
    JsonObject policy = features.getAsJsonObject("linux").getAsJsonObject("memoryPolicy");
    assertThat(texts(policy.get("modes"))).hasSize(7).isSorted().contains("MPOL_PREFERRED_MANY");
    assertThat(texts(policy.get("flags"))).hasSize(3).isSorted();
  }

  @Test
  void namesWhatElseOfLinuxIsDone() {
    JsonObject linux = features.getAsJsonObject("linux");
    assertThat(texts(linux.get("namespaces"))).hasSize(8).contains("time", "cgroup");
    assertThat(linux.getAsJsonObject("netDevices").get("enabled").getAsBoolean()).isTrue();
    assertThat(linux.getAsJsonObject("intelRdt").get("monitoring").getAsBoolean()).isTrue();
  }

  @Test
  void everyActionOperatorAndArchitectureCompiles() {
    JsonObject seccomp = features.getAsJsonObject("linux").getAsJsonObject("seccomp");
    for (String action : texts(seccomp.get("actions"))) {
      for (String operator : texts(seccomp.get("operators"))) {
        assertCompiles(action, operator, texts(seccomp.get("archs")));
      }
    }
  }

  private static void assertCompiles(String action, String operator, List<String> architectures) {
    String json =
        """
        {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["%s"], "syscalls": [
          {"names": ["personality"], "action": "%s",
           "args": [{"index": 0, "value": 7, "valueTwo": 7, "op": "%s"}]}]}
        """
            .formatted(String.join("\", \"", architectures), action, operator);
    Seccomp profile =
        SpecJson.read("seccomp", json.getBytes(StandardCharsets.UTF_8), Seccomp.class);
    assertThatCode(() -> new SeccompCompiler().compile(profile))
        .as("%s %s", action, operator)
        .doesNotThrowAnyException();
  }
}
