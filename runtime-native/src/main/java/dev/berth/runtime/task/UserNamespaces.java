package dev.berth.runtime.task;

import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NamespaceType;
import dev.berth.runtime.plan.NamespacesPlan;
import dev.berth.runtime.spec.IdMappings;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * Makes user namespaces, and others that belong to them. A process of many threads can enter none,
 * so a berth-init is cloned into them, held at its start gate while they are opened, and ended.
 *
 * <p>Thread-safe.
 */
public final class UserNamespaces {
  private final StubPool stubs;

  UserNamespaces(StubPool stubs) {
    this.stubs = stubs;
  }

  /**
   * Prepares to make some.
   *
   * @param program stays the caller's, who keeps it open for as long
   */
  public UserNamespaces(BerthInit program) {
    this(new StubPool(program, 0));
  }

  /**
   * Makes a user namespace and those of the given types, which it owns. They live as long as they
   * are held: by the returned descriptors, which the caller closes, and by what is made of them.
   *
   * @throws dev.berth.base.BerthException if the kernel refuses them or the mappings
   */
  public Map<NamespaceType, Fd> create(IdMappings ids, Set<NamespaceType> owned) {
    Set<NamespaceType> types = EnumSet.of(NamespaceType.USER);
    types.addAll(owned);
    Stub stub = Stub.launch(stubs, NamespacesPlan.compile(types), Map.of(), 0);
    try {
      Stub.Created created = stub.awaitCreated(pid -> IdMaps.write(pid, ids));
      try {
        return open(created.pid(), types);
      } finally {
        created.close();
      }
    } finally {
      stub.abort();
    }
  }

  /** The process waits, and is not reaped before the stub is ended: the number stays its own. */
  private static Map<NamespaceType, Fd> open(int pid, Set<NamespaceType> types) {
    Path directory = Path.of("/proc", Integer.toString(pid), "ns");
    Map<NamespaceType, Fd> opened = new EnumMap<>(NamespaceType.class);
    try (var rollback = new Rollback()) {
      for (NamespaceType type : types) {
        Fd namespace = Descriptors.open(directory.resolve(type.procName()));
        rollback.onFailure("close a namespace", namespace::close);
        opened.put(type, namespace);
      }
      rollback.commit();
    }
    return opened;
  }
}
