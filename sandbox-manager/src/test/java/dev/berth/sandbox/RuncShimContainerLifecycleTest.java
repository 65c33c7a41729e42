package dev.berth.sandbox;

final class RuncShimContainerLifecycleTest extends ContainerLifecycleContract {
  RuncShimContainerLifecycleTest() {
    super("runc");
  }
}
