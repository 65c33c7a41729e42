package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.LinkedHashMap;
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
    input
        .container()
        .getEnvsList()
        .forEach(env -> put(variables, "envs", env.getKey(), env.getValue().toStringUtf8()));
    variables.putIfAbsent("HOME", input.user().home());
    return SpecParts.process(
        spec,
        process ->
            process.env(
                variables.entrySet().stream().map(v -> v.getKey() + "=" + v.getValue()).toList()));
  }

  private static void put(Map<String, String> variables, String field, String name, String value) {
    if (name.isEmpty() || name.indexOf('=') >= 0) {
      throw new BerthException(
          INVALID_ARGUMENT, field + ": \"" + Ids.printable(name) + "\" is not a variable's name");
    }
    variables.put(CommandPart.requireText(field, name), CommandPart.requireText(field, value));
  }
}
