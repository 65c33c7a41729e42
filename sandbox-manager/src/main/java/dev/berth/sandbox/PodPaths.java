package dev.berth.sandbox;

import java.nio.file.Path;

/**
 * Where things lie. All below the state directory, which is volatile; ids have been checked and
 * cannot lead out of it.
 */
record PodPaths(Path state) {
  /** The directory of one sandbox: its files and pins. */
  Path sandbox(String sandboxId) {
    return state.resolve("sandboxes").resolve(sandboxId);
  }

  Path namespaces(String sandboxId) {
    return sandbox(sandboxId).resolve("ns");
  }

  /** The pin of a sandbox's network namespace, as text: lists have one for each sandbox. */
  String networkNamespace(String sandboxId) {
    return state + "/sandboxes/" + sandboxId + "/ns/net";
  }

  /** The bundle of a container; the shims' own files are in it too. */
  Path bundle(String containerId) {
    return state.resolve("tasks").resolve(containerId);
  }

  /** The pipes of one exec. */
  Path exec(String containerId, String execId) {
    return bundle(containerId).resolve("exec-" + execId);
  }

  /** Where the images are mounted that are volumes of a container. */
  Path volumes(String containerId) {
    return state.resolve("volumes").resolve(containerId);
  }

  Path eventsSocket() {
    return state.resolve("events.sock");
  }

  /** Where runc keeps what it knows of its containers. */
  Path ociRuntimeRoot() {
    return state.resolve("runc");
  }
}
