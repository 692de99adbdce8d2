import Archives
import Base

/// What is put into an image or artifact: the files of a model at a commit, and what is said of them.
public struct PackagedModel: Sendable {
    /// What it is called in addresses.
    public var name: String
    /// The folder or file among `files` that is served.
    public var entry: String
    /// The full id of the commit.
    public var commit: String
    public var time: Timestamp
    public var files: [(path: String, bytes: [UInt8])]
    /// What stands beside the model as `image.json`.
    public var document: JSON

    public init(
        name: String, entry: String, commit: String, time: Timestamp, files: [(path: String, bytes: [UInt8])],
        document: JSON
    ) {
        self.name = name
        self.entry = entry
        self.commit = commit
        self.time = time
        self.files = files
        self.document = document
    }

    /// Annotations that the OCI image specification names for all manifests.
    var annotations: JSON {
        [
            "org.opencontainers.image.created": .string(time.description),
            "org.opencontainers.image.revision": .string(commit),
            "org.opencontainers.image.title": .string(name),
            "org.opencontainers.image.version": .string(String(commit.prefix(12))),
        ]
    }

    /// The files below a folder, with all folders above them, in the order of their paths.
    func entries(below root: String) -> [OCIEntry] {
        var folders: Set<String> = []
        for file in files {
            var parent = Files.parent(of: "\(root)/\(file.path)")
            while parent != "." {
                folders.insert(parent)
                parent = Files.parent(of: parent)
            }
        }
        let all =
            folders.map { OCIEntry($0, .folder) }
            + files.map { OCIEntry("\(root)/\($0.path)", .bytes($0.bytes, isExecutable: false)) }
        return all.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }
}

/// What was written.
public struct PackageResult: Sendable {
    public var manifest: OCIDescriptor
    /// The configuration first, then the layers in their order.
    public var blobs: [OCIDescriptor]
}

/// An OCI image that serves a model: a layer with the program, one with the model, one with what is said of it. The bytes are
/// a function of the commit and the program.
public struct ModelImage: Sendable {
    /// Below the root of the image.
    static let modelFolder = "models"
    static let program = "usr/bin/git-mlrun"
    /// What serving loads late: networks multiply with it. Nothing is transferred or packed in there.
    static let lateLibraries = ["libopenblas.so.0"]
    /// Who the program runs as: nobody that the machine knows.
    static let user = "65532:65532"

    public var model: PackagedModel
    public var program: ProgramFiles
    /// As Go calls the processor: `amd64`, `arm64`.
    public var architecture: String
    public var port = 8080
    public var compression = ArchiveFormat.Compression.gzip

    public init(model: PackagedModel, program: String, architecture: String) throws {
        self.model = model
        self.program = try ProgramFiles(program, at: ModelImage.program, loading: ModelImage.lateLibraries)
        self.architecture = architecture
    }

    public func write(to layout: OCILayout, tag: String) throws -> PackageResult {
        let layers = try [
            ("program", program.entries + ModelImage.surroundings),
            ("model", model.entries(below: ModelImage.modelFolder)),
            (
                "metadata",
                [
                    OCIEntry(ModelImage.modelFolder, .folder),
                    OCIEntry(
                        ModelImage.modelFolder + "/image.json",
                        .bytes(Array(model.document.pretty().utf8), isExecutable: false)),
                ]
            ),
        ].map { name, entries in
            // The program's layer must not change with the commit, so its times do not either.
            let time = name == "program" ? Timestamp(seconds: 0) : model.time
            let sorted = entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            return (name, try layout.addLayer(sorted, time: time, compression: compression))
        }
        let configuration: JSON = [
            "created": .string(model.time.description), "architecture": .string(architecture), "os": "linux",
            "config": [
                "User": .string(ModelImage.user), "ExposedPorts": .object(["\(port)/tcp": [:]]),
                "Env": ["PATH=/usr/bin", "HOME=/"],
                "Entrypoint": [
                    .string("/" + ModelImage.program), "serve",
                    .string("/\(ModelImage.modelFolder)/\(model.entry)"), "--host", "0.0.0.0", "--port",
                    .string(String(port)),
                ], "WorkingDir": "/", "Labels": model.annotations, "StopSignal": "SIGTERM",
            ],
            "rootfs": [
                "type": "layers", "diff_ids": .array(layers.map { .string("sha256:" + $0.1.diffID.hex) }),
            ],
            "history": .array(
                layers.map { name, _ in
                    [
                        "created": .string(model.time.description), "created_by": "git mlrun image",
                        "comment": .string(name),
                    ]
                }),
        ]
        let config = try layout.add(Array(configuration.compact().utf8), OCILayout.configurationType)
        let manifest: JSON = [
            "schemaVersion": 2, "mediaType": .string(OCILayout.manifestType), "config": config.json,
            "layers": .array(layers.map(\.1.layer.json)), "annotations": model.annotations,
        ]
        let descriptor = try layout.add(Array(manifest.compact().utf8), OCILayout.manifestType)
        try layout.tag(descriptor, tag, platform: ["architecture": .string(architecture), "os": "linux"])
        return PackageResult(manifest: descriptor, blobs: [config] + layers.map(\.1.layer))
    }

    /// Where names of users are looked up, and where whoever runs the image mounts what the kernel offers: on a file system
    /// that is read only the folders must be there.
    private static let surroundings = [
        OCIEntry("dev", .folder), OCIEntry("proc", .folder), OCIEntry("sys", .folder), OCIEntry("etc", .folder),
        OCIEntry(
            "etc/passwd",
            .bytes(
                Array("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n".utf8),
                isExecutable: false)),
        OCIEntry("etc/group", .bytes(Array("root:x:0:\nnonroot:x:65532:\n".utf8), isExecutable: false)),
    ]
}
