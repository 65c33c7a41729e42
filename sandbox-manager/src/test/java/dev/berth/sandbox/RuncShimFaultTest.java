package dev.berth.sandbox;

final class RuncShimFaultTest extends FaultContract {
  RuncShimFaultTest() {
    super("runc");
  }
}
