package dev.berth.runtime.spec;

import com.google.gson.annotations.JsonAdapter;

/**
 * A resource limit (setrlimit(2)).
 *
 * @param type {@code RLIMIT_...}
 * @param hard ceiling, unsigned 64 bits; all ones is unlimited
 * @param soft limit in force, unsigned 64 bits
 */
public record Rlimit(
    String type,
    @JsonAdapter(Unsigned64.class) long hard,
    @JsonAdapter(Unsigned64.class) long soft) {
  public Rlimit {
    type = Absent.required(type);
  }
}
