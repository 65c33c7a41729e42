package dev.berth.sandbox.nri;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.Event;
import dev.berth.proto.nri.PodSandbox;
import dev.berth.proto.nri.ValidateContainerAdjustmentRequest;
import dev.berth.proto.nri.ValidateContainerAdjustmentResponse;
import java.util.List;

/** Has those plugins that check see what all of them want of a new container. */
final class AdjustmentCheck {
  private AdjustmentCheck() {}

  /**
   * Asks every plugin that checks.
   *
   * @param asked who was asked what it wants
   * @param container as it was before anyone wanted anything
   * @throws BerthException FAILED_PRECONDITION if one rejects it; UNAVAILABLE if one is lost: what
   *     was not checked is not done
   */
  static void check(
      List<NriPlugin> asked,
      PodSandbox pod,
      Container container,
      NriPlugins.Creation creation,
      Owners owners) {
    List<NriPlugin> checking =
        asked.stream().filter(plugin -> plugin.wants(Event.VALIDATE_CONTAINER_ADJUSTMENT)).toList();
    if (checking.isEmpty()) {
      return;
    }
    var request =
        ValidateContainerAdjustmentRequest.newBuilder()
            .setPod(pod)
            .setContainer(container)
            .setAdjust(creation.adjustment())
            .addAllUpdate(creation.updates())
            .setOwners(owners.toMessage())
            .addAllPlugins(asked.stream().map(NriPlugin::instance).toList())
            .build();
    checking.forEach(plugin -> check(plugin, request));
  }

  private static void check(NriPlugin plugin, ValidateContainerAdjustmentRequest request) {
    ValidateContainerAdjustmentResponse answer;
    try {
      answer = answer(plugin, request);
    } catch (BerthException e) {
      if (e.kind() == UNIMPLEMENTED) {
        return; // it asked for all events there are, and is none that checks
      }
      throw e;
    }
    if (answer.getReject()) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "nri plugin "
              + plugin.name()
              + " rejects the adjustment: "
              + Ids.printable(answer.getReason()));
    }
  }

  private static ValidateContainerAdjustmentResponse answer(
      NriPlugin plugin, ValidateContainerAdjustmentRequest request) {
    return plugin
        .ask(
            Event.VALIDATE_CONTAINER_ADJUSTMENT,
            "ValidateContainerAdjustment",
            request,
            ValidateContainerAdjustmentResponse.parser())
        .orElseThrow(() ->
            new BerthException(
                UNAVAILABLE,
                "nri plugin " + plugin.name() + ", which checks adjustments, is gone"));
  }
}
