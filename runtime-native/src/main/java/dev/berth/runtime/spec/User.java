package dev.berth.runtime.spec;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whom the process runs as ({@code process.user}).
 *
 * @param uid user id inside the container
 * @param gid group id inside the container
 * @param umask file creation mask; absent for 0022
 * @param additionalGids supplementary groups
 */
public record User(long uid, long gid, @Nullable Integer umask, List<Long> additionalGids) {
  public User {
    additionalGids = Absent.list(additionalGids);
  }

  /** Makes a user without umask and supplementary groups. */
  public User(long uid, long gid) {
    this(uid, gid, null, List.of());
  }
}
