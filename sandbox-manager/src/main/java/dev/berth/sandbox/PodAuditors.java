package dev.berth.sandbox;

import dev.berth.base.Auditor;
import dev.berth.shim.client.ShimAuditors;
import dev.berth.shim.client.ShimSettings;
import dev.berth.shim.client.TaskView;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** All that audits what an instance makes: whoever makes a new kind of object adds its auditor. */
final class PodAuditors {
  private final SandboxSettings settings;
  private final PodPaths paths;
  private final RecordStore store;
  private final Registry registry;
  private final RecordView records;

  PodAuditors(SandboxSettings settings, PodPaths paths, RecordStore store, Registry registry) {
    this.settings = settings;
    this.paths = paths;
    this.store = store;
    this.registry = registry;
    this.records = new RecordView(store, registry);
  }

  /** Returns the auditors. */
  List<Auditor> all(
      PodNamespaces namespaces,
      PodFiles files,
      PodNetwork network,
      CgroupParents cgroups,
      ContainerImages images,
      ShimSettings shims) {
    List<Auditor> all =
        new ArrayList<>(
            List.of(
                new RecordAuditor(store, records, registry, settings.handlers().keySet()),
                new NameAuditor(registry, records),
                new StateFileAuditor(paths),
                new DirectoryAuditor(
                    "sandbox directory",
                    paths.sandboxes(),
                    records::readySandboxes,
                    records::allSandboxes),
                new DirectoryAuditor(
                    "bundle", paths.bundles(), records::activeTasks, records::tasks),
                new DirectoryAuditor(
                    "volume directory", paths.volumes(), Set::of, records::allContainers),
                new DirectoryAuditor(
                    "oci runtime state",
                    paths.ociRuntimeRoot().resolve(settings.instance()),
                    Set::of,
                    records::tasks),
                new DirectoryAuditor(
                    "checkpoint", CheckpointContainer.directory(settings.root()), Set::of, Set::of),
                new MountAuditor(paths, namespaces, files, records),
                new ExecPipesAuditor(paths),
                new CgroupAuditor(cgroups, records, store, CgroupParents.shimCgroup(settings)),
                new ContainerProcessAuditor(records),
                new SnapshotOwnerAuditor(images, records)));
    all.addAll(network.auditors(records));
    all.addAll(images.auditors());
    all.addAll(ShimAuditors.of(shims, new RecordedTasks()));
    return all;
  }

  /** What the shims' auditors ask. */
  private final class RecordedTasks implements TaskView {
    @Override
    public Set<String> known() {
      return records.tasks();
    }

    /** Of the tasks of other shims only these know where they are. */
    @Override
    public Set<String> required() {
      Set<String> required = new HashSet<>(records.activeTasks());
      required.removeAll(store.shimOwners());
      return required;
    }

    @Override
    public Set<String> addresses() {
      return store.shimAddresses();
    }
  }
}
