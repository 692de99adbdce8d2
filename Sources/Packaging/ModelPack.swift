import Archives
import Base

/// A model as a ModelPack artifact (CNCF Model Specification, `docs/spec.md` and `docs/config.md`): the files alone, each a
/// layer of its own as it is, to be mounted or pulled by whoever serves it.
public struct ModelPack: Sendable {
    private static let artifactType = "application/vnd.cncf.model.manifest.v1+json"
    private static let configurationType = "application/vnd.cncf.model.config.v1+json"
    private static let pathKey = "org.cncf.model.filepath"

    public var model: PackagedModel
    /// `cnn`, `lstm`: what encodes texts; nil when nobody knows.
    public var architecture: String?

    public init(model: PackagedModel, architecture: String? = nil) {
        self.model = model
        self.architecture = architecture
    }

    public func write(to layout: OCILayout, tag: String) throws -> PackageResult {
        let metadata = (path: "image.json", bytes: Array(model.document.pretty().utf8))
        let layers = try (model.files + [metadata]).map { file in
            var layer = try layout.add(file.bytes, ModelPack.kind(file.path))
            layer.annotations[ModelPack.pathKey] = .string(file.path)
            return layer
        }
        var technical: JSONObject = ["format": "safetensors", "capabilities": ["inputTypes": ["text"]]]
        if let architecture { technical["architecture"] = .string(architecture) }
        let configuration: JSON = [
            "descriptor": [
                "createdAt": .string(model.time.description), "name": .string(model.name),
                "version": .string(String(model.commit.prefix(12))), "revision": .string(model.commit),
            ], "config": .object(technical),
            // Nothing is packed: the hash of a layer is that of its content.
            "modelfs": [
                "type": "layers", "diffIds": .array(layers.map { .string("sha256:" + $0.digest.hex) }),
            ],
        ]
        let config = try layout.add(Array(configuration.compact().utf8), ModelPack.configurationType)
        let manifest: JSON = [
            "schemaVersion": 2, "mediaType": .string(OCILayout.manifestType),
            "artifactType": .string(ModelPack.artifactType), "config": config.json,
            "layers": .array(layers.map(\.json)), "annotations": model.annotations,
        ]
        var descriptor = try layout.add(Array(manifest.compact().utf8), OCILayout.manifestType)
        let plain = descriptor
        descriptor.artifactType = ModelPack.artifactType
        try layout.tag(descriptor, tag)
        return PackageResult(manifest: plain, blobs: [config] + layers)
    }

    private static func kind(_ path: String) -> String {
        let kind = path.hasSuffix(".safetensors") ? "weight" : "weight.config"
        return "application/vnd.cncf.model.\(kind).v1.raw"
    }
}
