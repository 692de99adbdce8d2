import Archives
import ArgumentParser
import Base
import CommandKit
import Glibc
import ModelKit
import Packaging
import Remotes
import Reports

struct Image: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Write a commit's model, with the program that serves it, as an OCI image.",
        discussion: """
            No Docker is needed, and no rights. The image holds this program with the libraries it loads, the model, and what
            commit it is of; it answers on port 8080. The same commit and the same program give the same bytes, so that "is
            this commit what runs?" is a comparison of two digests.

            A registry's password comes from where 'docker login', 'podman login' and 'skopeo login' keep it.

            Examples:
              git mlrun image HEAD -o reviews.tar
              git mlrun image v1.0 --push registry.example.org/ml/reviews:v1.0
              git mlrun image HEAD --modelpack -o reviews.modelpack
              skopeo copy oci-archive:reviews.tar docker-daemon:reviews:latest
            """)

    @Argument(help: ArgumentHelp("A revision, or REV:PATH.", valueName: "rev")) var revision = "HEAD"
    @Option(help: ArgumentHelp("A model's folder or an ensemble's file inside the revision.", valueName: "path"))
    var model: String?
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Where to write: a folder (an OCI layout), or a file that ends in .tar (default: MODEL-COMMIT.tar).",
            valueName: "path"))
    var output: String?
    @Option(help: ArgumentHelp("Send it to a registry.", valueName: "registry/name:tag")) var push: String?
    @Option(help: ArgumentHelp("The tag in the layout (default: the pushed tag, or the commit).", valueName: "tag"))
    var tag: String?
    @Flag(help: "A ModelPack artifact instead: the model alone, to be mounted beside a server.") var modelpack = false
    @Option(help: ArgumentHelp("Another program to put in, for instance a static one.", valueName: "file"))
    var program: String?
    @Option(help: ArgumentHelp("How layers are packed: gzip, zstd or none.", valueName: "kind"))
    var compression = "gzip"
    @Option(help: ArgumentHelp("The port it answers on.", valueName: "n")) var port = 8080
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        guard (1...65535).contains(port) else { throw MLError(.usage, "--port must be from 1 to 65535, not \(port)") }
        let packing: [String: ArchiveFormat.Compression] = ["gzip": .gzip, "zstd": .zstd, "none": .none]
        guard let compression = packing[compression] else {
            throw MLError(.usage, "--compression is gzip, zstd or none, not '\(compression)'")
        }
        let target = try push.map { try OCIReference($0) }
        let content = try ModelLoader(session.data, progress: session.ui.progress).content(
            revision: revision, path: model)
        let packaged = PackagedModel(content)
        let tag = tag ?? target?.tag ?? String(content.commit.id.hex.prefix(12))
        let output =
            output ?? (push == nil ? "\(content.name)-\(content.commit.id.hex.prefix(12)).tar" : nil)
        // Also when it goes into one file or to a registry only: blobs are larger than memory.
        let isFolder = output.map { !$0.hasSuffix(".tar") } ?? false
        let scratch = session.repository.dataDirectory + "/image.\(getpid())"
        defer { try? Files.remove(scratch) }
        let layout = try OCILayout(isFolder ? output ?? scratch : scratch)
        let result: PackageResult
        if modelpack {
            result = try ModelPack(model: packaged).write(to: layout, tag: tag)
        } else {
            var image = try ModelImage(
                model: packaged, program: program ?? Files.realPath("/proc/self/exe"), architecture: Image.architecture)
            image.port = port
            image.compression = compression
            result = try image.write(to: layout, tag: tag)
        }
        if let output, !isFolder { try layout.pack(output, time: content.commit.time) }
        if let target {
            let registry = OCIImages(target)
            for blob in result.blobs {
                session.ui.progress.report("Pushing", completed: 0, total: nil, detail: blob.digest.hex)
                try registry.put(layout.path(of: blob.digest), blob.digest, blob.size)
            }
            try registry.put(manifest: Files.read(layout.path(of: result.manifest.digest)), result.manifest.mediaType)
        }
        report(result, content, tag, output, session.ui)
    }

    private func report(
        _ result: PackageResult, _ content: ModelContent, _ tag: String, _ output: String?, _ ui: UserInterface
    ) {
        let digest = "sha256:" + result.manifest.digest.hex
        if json {
            var out: JSONObject = [
                "version": 1, "digest": .string(digest), "commit": .string(content.commit.id.hex),
                "model": .string(content.name), "tag": .string(tag),
                "blobs": .array(result.blobs.map(\.json)),
            ]
            if let output { out["output"] = .string(output) }
            if let push { out["pushed"] = .string(push) }
            return ui.print(JSON.object(out).compact())
        }
        ui.print(digest)
        let size = result.blobs.reduce(result.manifest.size) { $0 + $1.size }
        let places = [output.map { "in '\($0)'" }, push.map { "pushed to \($0)" }].compactMap { $0 }
        ui.status(
            "'\(content.name)' of commit \(content.commit.id.hex.prefix(10)), \(Quantity.bytes(size)), "
                + places.joined(separator: " and "))
    }

    /// The processor's name, as images call it.
    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }
}

extension PackagedModel {
    init(_ content: ModelContent) {
        self.init(
            name: content.name, entry: content.entry, commit: content.commit.id.hex, time: content.commit.time,
            files: content.files, document: content.document)
    }
}
