package dev.berth.cri.service;

import static dev.berth.cri.service.Requests.required;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.cri.rpc.ServiceAssembly;
import dev.berth.image.ImageRecord;
import dev.berth.image.Images;
import dev.berth.image.oci.ImageReference;
import dev.berth.proto.cri.v1.Image;
import dev.berth.proto.cri.v1.ImageFilter;
import dev.berth.proto.cri.v1.ImageFsInfoRequest;
import dev.berth.proto.cri.v1.ImageFsInfoResponse;
import dev.berth.proto.cri.v1.ImageServiceGrpc;
import dev.berth.proto.cri.v1.ImageStatusRequest;
import dev.berth.proto.cri.v1.ImageStatusResponse;
import dev.berth.proto.cri.v1.ListImagesRequest;
import dev.berth.proto.cri.v1.ListImagesResponse;
import dev.berth.proto.cri.v1.PullImageRequest;
import dev.berth.proto.cri.v1.PullImageResponse;
import dev.berth.proto.cri.v1.RemoveImageRequest;
import dev.berth.proto.cri.v1.RemoveImageResponse;
import dev.berth.proto.cri.v1.StreamImagesResponse;
import io.grpc.ServerServiceDefinition;
import java.util.List;

/** CRI's ImageService: which verb answers which RPC. */
public final class ImageService {
  private final Images images;

  /** Makes the service; it does not own the images. */
  public ImageService(Images images) {
    this.images = images;
  }

  /** Returns the service for the server. */
  public ServerServiceDefinition definition() {
    return ServiceAssembly.of(ImageServiceGrpc.getServiceDescriptor())
        .unary(ImageServiceGrpc.getListImagesMethod(), this::listImages)
        .unary(ImageServiceGrpc.getImageStatusMethod(), this::imageStatus)
        .unary(ImageServiceGrpc.getPullImageMethod(), this::pullImage)
        .unary(ImageServiceGrpc.getRemoveImageMethod(), this::removeImage)
        .unary(ImageServiceGrpc.getImageFsInfoMethod(), this::imageFsInfo)
        .listed(
            ImageServiceGrpc.getStreamImagesMethod(),
            (request, _) -> items(request.getFilter()),
            part -> StreamImagesResponse.newBuilder().addAllImages(part).build())
        .build();
  }

  private ListImagesResponse listImages(ListImagesRequest request, Operation operation) {
    return ListImagesResponse.newBuilder().addAllImages(items(request.getFilter())).build();
  }

  private List<Image> items(ImageFilter filter) {
    return matching(filter.getImage().getImage()).stream().map(this::message).toList();
  }

  private Image message(ImageRecord image) {
    return ImageMessages.image(image).toBuilder().setPinned(images.isPinned(image)).build();
  }

  /** The configuration as it came, under the name that containerd gives it. */
  private static String info(byte[] config) {
    return "{\"imageSpec\":" + new String(config, UTF_8) + "}";
  }

  private List<ImageRecord> matching(String nameOrId) {
    return nameOrId.isEmpty() ? images.list() : images.findAny(nameOrId).stream().toList();
  }

  private ImageStatusResponse imageStatus(ImageStatusRequest request, Operation operation) {
    String name = request.getImage().getImage();
    required("image.image", !name.isEmpty());
    var reply = ImageStatusResponse.newBuilder();
    images
        .find(name)
        .ifPresent(image -> {
          reply.setImage(message(image));
          if (request.getVerbose()) {
            images.rawConfig(image).ifPresent(raw -> reply.putInfo("info", info(raw)));
          }
        });
    return reply.build();
  }

  private PullImageResponse pullImage(PullImageRequest request, Operation operation) {
    String name = request.getImage().getImage();
    required("image.image", !name.isEmpty());
    ImageRecord image =
        images.pull(reference(name), ImageMessages.credentials(request.getAuth()), operation);
    return PullImageResponse.newBuilder().setImageRef(image.id()).build();
  }

  private static ImageReference reference(String name) {
    try {
      return ImageReference.parse(name);
    } catch (BerthException e) {
      throw e.during("image.image");
    }
  }

  private RemoveImageResponse removeImage(RemoveImageRequest request, Operation operation) {
    String name = request.getImage().getImage();
    required("image.image", !name.isEmpty());
    images.remove(name, operation);
    return RemoveImageResponse.getDefaultInstance();
  }

  private ImageFsInfoResponse imageFsInfo(ImageFsInfoRequest request, Operation operation) {
    return ImageFsInfoResponse.newBuilder()
        .addImageFilesystems(ImageMessages.usage(images.usage()))
        .addContainerFilesystems(ImageMessages.usage(images.containerUsage()))
        .build();
  }
}
