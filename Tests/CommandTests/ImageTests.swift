import Base
import Glibc
import TestSupport
import Testing

@Suite struct ImageTests {
    /// A small program of the machine, so that layers are small.
    private static let small = "--program /bin/true"

    private static let canUnpack =
        Sandbox.hasPrograms("skopeo", "umoci")
        && (try? Subprocess(["unshare", "-m", "-p", "-f", "mount", "-t", "proc", "proc", "/proc"], errors: .discard)
            .run()
            .status) == 0

    private func image(_ box: Sandbox, _ options: String, in folder: String = "repo") throws -> JSON {
        try JSON(parsing: box.run("git mlrun image \(options) --json", in: folder).output)
    }

    @Test func `the same commit gives the same image, and another one shares the program's layer`() throws {
        let box = try ServeTests.served()
        let first = try image(box, "HEAD -o ../a.tar \(ImageTests.small)")
        // Another clone, another folder, another time.
        try box.run("git clone -q repo other && cd other && git mldata sync -q && touch models/m/*")
        let second = try image(box, "HEAD -o ../b.tar \(ImageTests.small)", in: "other")
        #expect(first["digest"] == second["digest"])
        #expect(try box.read("a.tar") == box.read("b.tar"))
        let before = try image(box, "HEAD~1 -o ../c \(ImageTests.small)")
        let (new, old) = (first["blobs"]?.arrayValue ?? [], before["blobs"]?.arrayValue ?? [])
        // Configuration, program, model, metadata.
        #expect(new.count == 4 && old.count == 4)
        #expect(new[1] == old[1] && new[0] != old[0] && new[2] != old[2] && new[3] != old[3])
        // All blobs are what they are called; the layout goes on holding one image more.
        try box.run("cd c/blobs/sha256 && for f in *; do [ \"$(sha256sum <$f | cut -c1-64)\" = $f ] || exit 1; done")
        _ = try image(box, "HEAD -o ../c \(ImageTests.small) --compression zstd --tag latest")
        let index = try JSON(parsing: box.read("c/index.json"))["manifests"]?.arrayValue ?? []
        #expect(index.count == 2 && index.last?["annotations"]?["org.opencontainers.image.ref.name"] == "latest")
        let words = try box.attempt("git mlrun image HEAD -o models", in: "repo")
        #expect(words.status == 128 && words.errors.contains("is no image layout"))
        try box.run(
            "git mlrun image HEAD \(ImageTests.small) && cmp m-$(git rev-parse --short=12 HEAD).tar ../a.tar",
            in: "repo")
    }

    @Test(
        .enabled(if: ImageTests.canUnpack, "skopeo, umoci and the right to mount are needed"))
    func `an image answers where there is nothing else`() throws {
        let box = try ServeTests.served()
        let commit = try box.run("git rev-parse HEAD", in: "repo").output.filter { $0 != "\n" }
        _ = try image(box, "HEAD -o ../image --tag t --compression none")
        let config = try JSON(parsing: box.run("skopeo inspect --config oci:image:t").output)["config"]
        #expect(config?["Labels"]?["org.opencontainers.image.revision"] == .string(commit))
        #expect(config?["User"] == "65532:65532" && config?["ExposedPorts"]?["8080/tcp"] != nil)
        try box.run("umoci unpack --image image:t bundle >/dev/null")
        let expected = try JSON(
            parsing: box.run("git mlrun predict HEAD --json --text 'a fine film'", in: "repo").output)["probabilities"]
        // The entry point of the image as it stands, but on a free port of the loopback.
        let entry = (config?["Entrypoint"]?.arrayValue ?? []).compactMap(\.stringValue).prefix(3).joined(separator: " ")
        // Swift's arguments come from /proc; whoever is not root must be answered too.
        try box.run(
            """
            unshare -m -p -f --kill-child sh -c 'mount -t proc proc bundle/rootfs/proc &&
                exec chroot --userspec 65532:65532 bundle/rootfs \(entry) --port 0 --json' >out 2>err & server=$!
            (while kill -0 \(getpid()) && kill -0 $server; do sleep 1; done
                kill -9 $(cat /proc/$server/task/*/children) $server) >/dev/null 2>&1 &
            echo $server >pid
            """)
        // With its child: who changes its user does not hear of its parent's end.
        defer { _ = try? box.attempt("kill -9 $(cat /proc/$(cat pid)/task/*/children) $(cat pid)") }
        for _ in 0..<1200 where (try? box.text("out").hasSuffix("\n")) != true { usleep(25_000) }
        let ready = try JSON(parsing: box.text("out"))
        let complaints = try box.text("err")
        #expect(ready["model_version"] == .string(commit), "\(complaints)")
        let answer = try JSON(
            parsing: box.run("curl -s -d '\"a fine film\"' \(ready["url"]?.stringValue ?? "")/predict").output)
        #expect(answer["probabilities"] == expected && answer["version"] == .string(commit))
        // A file that was changed is not the commit's any more.
        try box.run("echo >>bundle/rootfs/models/m/vocab.txt")
        let refused = try box.attempt("git-mlrun serve bundle/rootfs/models/m --port 0")
        #expect(refused.status == 128 && refused.errors.contains("vocab.txt"))
    }

    @Test(.enabled(if: Sandbox.hasPrograms("docker-registry"), "docker-registry is not installed"))
    func `images and artifacts go to a registry`() throws {
        let box = try ServeTests.served()
        let registry = try RegistryServer(box)
        let pushed = try image(box, "HEAD --push \(registry.address)/ml/m:v1 \(ImageTests.small)")
        let digest = pushed["digest"]?.stringValue ?? ""
        let kind = "application/vnd.oci.image.manifest.v1+json"
        let url = "http://\(registry.address)/v2/ml/m"
        let manifest = try box.run("curl -s -f -H 'Accept: \(kind)' \(url)/manifests/v1").output
        #expect("sha256:" + ObjectID.of(manifest).hex == digest)
        // Again, and as another tag: everything is there already.
        #expect(
            try image(box, "HEAD --push \(registry.address)/ml/m:v2 \(ImageTests.small)")["digest"] == pushed["digest"])
        let pack = try image(box, "HEAD --modelpack --push \(registry.address)/ml/m:pack -o ../pack")
        let text = try box.run("curl -s -f -H 'Accept: \(kind)' \(url)/manifests/pack").output
        let artifact = try JSON(parsing: text)
        #expect("sha256:" + ObjectID.of(text).hex == pack["digest"]?.stringValue)
        #expect(artifact["artifactType"] == "application/vnd.cncf.model.manifest.v1+json")
        let layers = artifact["layers"]?.arrayValue ?? []
        let weights = layers.first { $0["mediaType"] == "application/vnd.cncf.model.weight.v1.raw" }
        #expect(weights?["annotations"]?["org.cncf.model.filepath"] == "m/weights.safetensors")
        let hash = try ObjectID.ofFile(box.root + "/repo/models/m/weights.safetensors").hex
        #expect(weights?["digest"] == .string("sha256:" + hash))
        let config = artifact["config"]?["digest"]?.stringValue?.dropFirst("sha256:".count) ?? ""
        let about = try JSON(parsing: box.read("pack/blobs/sha256/\(config)"))
        #expect(about["modelfs"]?["diffIds"]?.arrayValue == layers.compactMap { $0["digest"] })
        for name in ["ml/m:v1", "\(registry.address)/ML/m:v1", "\(registry.address)/m:a b", registry.address] {
            #expect(try box.attempt("git mlrun image HEAD --push '\(name)'", in: "repo").status == 128, "\(name)")
        }
    }

    @Test func `an ensemble takes its members along`() throws {
        let box = try ServeTests.served()
        try box.run(
            """
            git mlrun ensemble HEAD HEAD~1 -o blend.json && git add blend.json && git commit -q -m blend
            git mlrun image HEAD --model blend.json --modelpack -o ../pack
            """, in: "repo")
        let index = try JSON(parsing: box.read("pack/index.json"))["manifests"]?.arrayValue?.first
        func blob(_ digest: JSON?) throws -> [UInt8] {
            try box.read("pack/blobs/sha256/\(digest?.stringValue?.dropFirst("sha256:".count) ?? "")")
        }
        let layers = try JSON(parsing: blob(index?["digest"]))["layers"]?.arrayValue ?? []
        for layer in layers {
            let path = layer["annotations"]?["org.cncf.model.filepath"]?.stringValue ?? "?"
            try box.run("mkdir -p \"taken/$(dirname '\(path)')\"")
            try box.write(blob(layer["digest"]), to: "taken/" + path)
        }
        let inside = try box.run("git mlrun predict --model blend.json --json --text 'a fine film'", in: "repo").output
        let outside = try ModelServer(box, "blend.json", in: "taken").ask("-d '\"a fine film\"'", "/predict").body
        #expect(try JSON(parsing: inside)["probabilities"] == outside["probabilities"])
        let commit = try box.run("git rev-parse HEAD", in: "repo").output.filter { $0 != "\n" }
        #expect(outside["version"]?.stringValue == commit)
    }
}
