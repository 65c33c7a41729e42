package dev.berth.runtime.spec;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Refuses a runtime spec that cannot work, before any kernel call.
 *
 * <p>Every error names the field: INVALID_ARGUMENT for what the specification or the kernel
 * forbids, UNIMPLEMENTED for what this runtime would otherwise ignore. What only the kernel knows
 * (whether a path exists, whether a namespace file is of its type) is checked where it is opened;
 * whether a limit can be kept is for the cgroup driver to say.
 */
public final class SpecValidator {
  private static final Pattern SEMANTIC_VERSION =
      Pattern.compile("(0|[1-9][0-9]*)\\.[0-9]+\\.[0-9]+([-+][0-9A-Za-z.+-]+)?");

  private SpecValidator() {}

  /**
   * Checks a whole config.json.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT or UNIMPLEMENTED naming the field
   */
  public static void validate(RuntimeSpec spec) {
    Field top = Field.of("config.json");
    version(top.child("ociVersion"), spec.ociVersion());
    HookRules.check(top.child("hooks"), spec.hooks());
    if (spec.root() == null) {
      throw top.child("root").refuse("required");
    }
    top.child("root").child("path").require(!spec.root().path().isEmpty(), "required");
    if (spec.process() == null) {
      throw top.child("process").refuse("required");
    }
    if (spec.linux() == null) {
      throw top.child("linux").refuse("required");
    }
    ProcessRules.check(top.child("process"), spec.process());
    LinuxRules.check(top.child("linux"), spec.linux());
    hostNames(top, spec, spec.linux());
    MountRules.check(top.child("mounts"), spec.mounts(), spec.linux());
    top.child("annotations").require(!spec.annotations().containsKey(""), "a key is empty");
  }

  /**
   * Checks the process of an exec.
   *
   * @param document what it was read from, the first word of every error: {@code process.json}
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT or UNIMPLEMENTED naming the field
   */
  public static void validateProcess(String document, ContainerProcess process) {
    ProcessRules.check(Field.of(document), process);
  }

  /**
   * Checks new limits for a running container.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming the field
   */
  public static void validateResources(String document, Resources resources) {
    ResourceRules.check(Field.of(document), resources);
  }

  /** Any version 1.x will do: fields that a later one adds are ignored by definition. */
  private static void version(Field field, String version) {
    Matcher matcher = SEMANTIC_VERSION.matcher(version);
    field.require(matcher.matches(), "expected a semantic version, not " + Field.quoted(version));
    field.require(
        matcher.group(1).equals("1"), "version " + version + " is not supported, only 1.x is");
  }

  /** The names are those of a UTS namespace: without one of its own they would be the host's. */
  private static void hostNames(Field top, RuntimeSpec spec, Linux linux) {
    for (String name : List.of("hostname", "domainname")) {
      String value = name.equals("hostname") ? spec.hostname() : spec.domainname();
      if (value != null) {
        Field field = top.child(name);
        field.require(linux.namespace("uts").isPresent(), "needs a uts namespace");
        // __NEW_UTS_LEN of linux/utsname.h
        field.require(value.length() <= 64, "longer than 64 characters");
      }
    }
  }
}
