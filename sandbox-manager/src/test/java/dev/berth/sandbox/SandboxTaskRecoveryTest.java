package dev.berth.sandbox;

/** Every pod is a task itself, beside those of its containers. */
final class SandboxTaskRecoveryTest extends RecoveryContract {
  SandboxTaskRecoveryTest() {
    super("runc with sandbox task");
  }
}
