package dev.berth.runtime.task;

import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import java.nio.charset.StandardCharsets;

/** Parts of a spec from JSON, as config.json would have them. */
final class RuntimeSpecs {
  private RuntimeSpecs() {}

  static Seccomp seccomp(String json) {
    return linux("\"seccomp\":" + json).seccomp();
  }

  static Resources resources(String json) {
    return linux("\"resources\":" + json).resources();
  }

  private static Linux linux(String field) {
    String json = "{\"ociVersion\":\"1.3.0\",\"linux\":{" + field + "}}";
    return RuntimeSpec.parse(json.getBytes(StandardCharsets.UTF_8)).linux();
  }
}
