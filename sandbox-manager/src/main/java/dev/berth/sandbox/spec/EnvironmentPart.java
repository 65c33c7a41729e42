package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.KeyValue;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes the environment: defaults, then the image's variables, then the container's. */
final class EnvironmentPart implements SpecAdjuster {
  private static final String PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    Map<String, String> variables = new LinkedHashMap<>();
    variables.put("PATH", PATH);
    variables.put("HOSTNAME", input.pod().hostname());
    if (input.container().getTty()) {
      variables.put("TERM", "xterm");
    }
    for (String variable : input.image().environment()) {
      int equals = variable.indexOf('=');
      if (equals > 0) { // what has no name cannot be passed on
        put(
            variables,
            "environment of the image",
            variable.substring(0, equals),
            variable.substring(equals + 1));
      }
    }
    List<KeyValue> given = input.container().getEnvsList();
    for (int i = 0; i < given.size(); i++) {
      String field = "envs[" + i + "]";
      put(variables, field, given.get(i).getKey(), text(field, given.get(i)));
    }
    variables.putIfAbsent("HOME", input.user().home());
    return SpecParts.process(
        spec,
        process ->
            process.env(
                variables.entrySet().stream().map(v -> v.getKey() + "=" + v.getValue()).toList()));
  }

  /** The runtime spec is JSON: what is no text could only be passed on as something else. */
  private static String text(String field, KeyValue variable) {
    if (!variable.getValue().isValidUtf8()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          field + " " + Ids.printable(variable.getKey()) + ": the value is not valid UTF-8");
    }
    return variable.getValue().toStringUtf8();
  }

  private static void put(Map<String, String> variables, String field, String name, String value) {
    if (name.isEmpty() || name.indexOf('=') >= 0) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": \"" + Ids.printable(name) + "\" is not a variable's name");
    }
    variables.put(CommandPart.requireText(field, name), CommandPart.requireText(field, value));
  }
}
