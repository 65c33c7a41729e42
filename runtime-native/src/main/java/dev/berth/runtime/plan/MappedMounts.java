package dev.berth.runtime.plan;

import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Which mounts show their files with other ids. The kernel takes such a mapping from a user
 * namespace that has it (mount_setattr(2), MOUNT_ATTR_IDMAP), so every different one is passed to
 * the plan as a descriptor {@code idmap.0}, {@code idmap.1}, ...
 */
public final class MappedMounts {
  private final List<IdMappings> different;
  private final List<Reg> descriptors = new ArrayList<>();
  private final Linux linux;

  private MappedMounts(List<IdMappings> different, Linux linux) {
    this.different = different;
    this.linux = linux;
  }

  /** Returns the different mappings of a container's root and mounts, in the descriptors' order. */
  public static List<IdMappings> of(RuntimeSpec spec, Linux linux, Rootfs rootfs) {
    Set<IdMappings> found = new LinkedHashSet<>();
    found.add(ofRoot(rootfs));
    spec.mounts().forEach(mount -> found.add(of(mount, linux)));
    found.remove(IdMappings.NONE);
    return List.copyOf(found);
  }

  /** The name of a descriptor. */
  public static String descriptor(int index) {
    return "idmap." + index;
  }

  static MappedMounts declare(PlanBuilder plan, RuntimeSpec spec, Linux linux, Rootfs rootfs) {
    var mounts = new MappedMounts(of(spec, linux, rootfs), linux);
    for (int i = 0; i < mounts.different.size(); i++) {
      mounts.descriptors.add(plan.descriptor(descriptor(i)));
    }
    return mounts;
  }

  static IdMappings ofRoot(Rootfs rootfs) {
    return switch (rootfs) {
      case Rootfs.Directory _ -> IdMappings.NONE;
      case Rootfs.Mounted(var _, var _, var _, var options) -> IdMappings.ofMountOptions(options);
    };
  }

  /** A mount that is to be mapped and does not say how is mapped as the container is. */
  private static IdMappings of(Mount mount, Linux linux) {
    var own = new IdMappings(mount.uidMappings(), mount.gidMappings());
    boolean asked = mount.options().contains("idmap") || mount.options().contains("ridmap");
    return own.isEmpty() && asked ? linux.idMappings() : own;
  }

  /** Maps a detached tree as a mount asks for it; its own files only, unless that is ridmap. */
  void apply(Emitter emit, Mount mount, Reg tree) {
    apply(emit, of(mount, linux), mount.options().contains("ridmap"), tree);
  }

  void apply(Emitter emit, IdMappings mappings, boolean recursive, Reg tree) {
    if (!mappings.isEmpty()) {
      emit.mapIds(tree, descriptors.get(different.indexOf(mappings)), recursive);
    }
  }
}
