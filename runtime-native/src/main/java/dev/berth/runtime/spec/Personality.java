package dev.berth.runtime.spec;

import java.util.List;

/**
 * Execution domain (personality(2)).
 *
 * @param domain {@code LINUX} or {@code LINUX32}
 * @param flags none are defined
 */
public record Personality(String domain, List<String> flags) {
  public Personality {
    domain = Absent.required(domain);
    flags = Absent.list(flags);
  }
}
