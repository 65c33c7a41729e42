package dev.berth.runtime.checkpoint;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What a dump keeps of control groups; the words of {@code --manage-cgroups}, see criu(8). */
public enum CgroupsMode {
  IGNORE,
  CG_NONE,
  PROPS,
  SOFT,
  FULL,
  STRICT;

  /**
   * Reads a word; none stands for {@link #IGNORE}, since who restores makes the groups.
   *
   * @throws BerthException INVALID_ARGUMENT for another word
   */
  public static CgroupsMode parse(String text) {
    if (text.isEmpty()) {
      return IGNORE;
    }
    return Arrays.stream(values())
        .filter(mode -> mode.word().equals(text))
        .findFirst()
        .orElseThrow(() ->
            new BerthException(
                INVALID_ARGUMENT,
                "cgroups_mode: \""
                    + Ids.printable(text)
                    + "\" is none of "
                    + List.of(values()).stream().map(CgroupsMode::word).toList()));
  }

  String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
