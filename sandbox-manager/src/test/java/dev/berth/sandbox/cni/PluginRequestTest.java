package dev.berth.sandbox.cni;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.sandbox.HostileText;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rule R9 for what a plugin reads on its stdin: values read back, and add no member. */
final class PluginRequestTest {
  @Test
  void valuesOfThePodReadBack() {
    JsonObject conf =
        JsonParser.parseString("{\"type\": \"spy\", \"capabilities\": {\"dns\": true}}")
            .getAsJsonObject();
    var plugin = PluginConfig.of("test", conf);
    var network = new NetworkConfig("test", "net", "1.0.0", false, false, List.of(plugin));
    for (long seed = 0; seed < 20_000; seed++) {
      var text = new HostileText(seed);
      JsonObject dns = new JsonObject();
      JsonArray servers = new JsonArray();
      text.several().forEach(servers::add);
      dns.add("servers", servers);
      dns.addProperty(text.next(), text.next());
      JsonObject arguments = new JsonObject();
      arguments.add("dns", dns);
      String request = plugin.request(network, arguments, CniResult.NONE).toString();

      JsonObject read = Json.parseObject("request", request);
      assertThat(read.keySet())
          .as("seed %d", seed)
          .containsExactlyInAnyOrder("type", "name", "cniVersion", "runtimeConfig");
      assertThat(read.getAsJsonObject("runtimeConfig").get("dns")).isEqualTo(dns);
    }
  }
}
