package dev.berth.runtime.spec;

import org.jspecify.annotations.Nullable;

/**
 * A device node to make ({@code linux.devices}).
 *
 * @param path absolute path inside the container
 * @param type {@code c}, {@code b}, {@code u} or {@code p}
 * @param major major number
 * @param minor minor number
 * @param fileMode permission bits
 * @param uid owner
 * @param gid group
 */
public record Device(
    String path,
    String type,
    long major,
    long minor,
    @Nullable Integer fileMode,
    @Nullable Long uid,
    @Nullable Long gid) {
  public Device {
    path = Absent.required(path);
    type = Absent.required(type);
  }
}
