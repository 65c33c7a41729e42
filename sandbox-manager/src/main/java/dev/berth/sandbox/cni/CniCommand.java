package dev.berth.sandbox.cni;

/** What a plugin is asked to do: the values of {@code CNI_COMMAND} that Berth uses. */
enum CniCommand {
  /** Attach the sandbox, or change what the plugin before attached. */
  ADD,
  /** Detach it; a plugin accepts a DEL of what it does not know. */
  DEL
}
