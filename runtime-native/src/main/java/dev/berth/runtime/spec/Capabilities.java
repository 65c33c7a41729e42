package dev.berth.runtime.spec;

import java.util.List;

/**
 * The five capability sets of a process, by names such as {@code CAP_CHOWN}.
 *
 * @param bounding limit of what any exec can gain
 * @param effective what is checked
 * @param inheritable kept over an exec of a capable file
 * @param permitted limit of the effective set
 * @param ambient kept over any exec
 */
public record Capabilities(
    List<String> bounding,
    List<String> effective,
    List<String> inheritable,
    List<String> permitted,
    List<String> ambient) {
  public Capabilities {
    bounding = Absent.list(bounding);
    effective = Absent.list(effective);
    inheritable = Absent.list(inheritable);
    permitted = Absent.list(permitted);
    ambient = Absent.list(ambient);
  }

  /** Has no capability at all. */
  public static final Capabilities NONE =
      new Capabilities(List.of(), List.of(), List.of(), List.of(), List.of());
}
