package dev.berth.runtime.spec;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One entry of {@code mounts}, made in listed order.
 *
 * @param destination path inside the container; a relative one counts from the root
 * @param type file system type; absent or {@code bind} or {@code none} for a bind mount
 * @param source device name, or path on the host: absolute or relative to the bundle
 * @param options mount options as mount(8) knows them, then those of the file system
 * @param uidMappings user ids of an id-mapped mount
 * @param gidMappings group ids of an id-mapped mount
 */
public record Mount(
    String destination,
    @Nullable String type,
    @Nullable String source,
    List<String> options,
    List<IdMapping> uidMappings,
    List<IdMapping> gidMappings) {
  public Mount {
    destination = Absent.required(destination);
    type = Absent.text(type);
    source = Absent.text(source);
    options = Absent.list(options);
    uidMappings = Absent.list(uidMappings);
    gidMappings = Absent.list(gidMappings);
  }

  /** Makes a mount without id mappings. */
  public Mount(String destination, String type, String source, List<String> options) {
    this(destination, type, source, options, List.of(), List.of());
  }

  /** Returns the destination as an absolute path without {@code .}, {@code ..} or empty parts. */
  public String target() {
    return ContainerPaths.clean(destination);
  }

  /** Says whether this attaches an existing tree rather than a new file system. */
  public boolean isBind() {
    return options.contains("bind") || options.contains("rbind") || "bind".equals(type);
  }
}
