package dev.berth.sandbox;

import java.nio.file.Path;

/**
 * Where things lie. All below the state directory, which is volatile; ids have been checked and
 * cannot lead out of it.
 */
record PodPaths(Path state) {
  /** Of the directory of the pipes of an exec, before its id. */
  static final String EXEC_PREFIX = "exec-";

  /** The directories of all sandboxes. */
  Path sandboxes() {
    return state.resolve("sandboxes");
  }

  /** The directory of one sandbox: its files and pins. */
  Path sandbox(String sandboxId) {
    return sandboxes().resolve(sandboxId);
  }

  Path namespaces(String sandboxId) {
    return sandbox(sandboxId).resolve("ns");
  }

  /** The pin of a sandbox's network namespace, as text: lists have one for each sandbox. */
  String networkNamespace(String sandboxId) {
    return state + "/sandboxes/" + sandboxId + "/ns/net";
  }

  /** The bundles of all containers. */
  Path bundles() {
    return state.resolve("tasks");
  }

  /** The bundle of a container; the shims' own files are in it too. */
  Path bundle(String containerId) {
    return bundles().resolve(containerId);
  }

  /** Where the root of a container is in its bundle. */
  Path rootfs(String containerId) {
    return bundle(containerId).resolve("rootfs");
  }

  /** The pipes of one exec. */
  Path exec(String containerId, String execId) {
    return bundle(containerId).resolve(EXEC_PREFIX + execId);
  }

  /** Where images are mounted that are volumes. */
  Path volumes() {
    return state.resolve("volumes");
  }

  /** Where the images are mounted that are volumes of a container. */
  Path volumes(String containerId) {
    return volumes().resolve(containerId);
  }

  Path eventsSocket() {
    return state.resolve("events.sock");
  }

  /** Where runc keeps what it knows of its containers. */
  Path ociRuntimeRoot() {
    return state.resolve("runc");
  }
}
