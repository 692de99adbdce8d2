import Base
import Glibc
import ObjectStore

// How fast this machine cuts, hashes and compresses, one processor each, beside what it can do at best: a memory copy,
// and, printed by rates.sh, OpenSSL's SHA-256 and the zstd program.

let size = 256 << 20
let random = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
    var state = SeededRandom(seed: 1, purpose: "rates")
    buffer.withMemoryRebound(to: UInt64.self) { words in for place in words.indices { words[place] = state.next() } }
    initialized = size
}
// Text-like: compresses to about a third.
let text = random.map { 97 + $0 % 13 }

func rate(_ name: String, _ work: () throws -> Void) rethrows {
    var best = Double.infinity
    for _ in 0..<5 {
        var start = timespec()
        var end = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start)
        try work()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end)
        best = min(best, Double(end.tv_sec - start.tv_sec) + Double(end.tv_nsec - start.tv_nsec) / 1e9)
    }
    let padded = name + String(repeating: " ", count: max(0, 34 - name.count))
    print("\(padded) \(Int(Double(size) / best / 1e6)) MB/s")
}

var copy = [UInt8](repeating: 0, count: size)
rate("memory copy") {
    copy.withUnsafeMutableBytes { target in random.withUnsafeBytes { target.copyMemory(from: $0) } }
}
rate("chunking (FastCDC, 64 KiB)") { _ = Chunker.standard.lengths(of: random) }
rate("hashing (SHA-256, 64 KiB pieces)") {
    random.withUnsafeBytes { bytes in
        for start in stride(from: 0, to: size, by: 1 << 16) {
            _ = ObjectID.of(UnsafeRawBufferPointer(rebasing: bytes[start..<start + (1 << 16)]))
        }
    }
}
for (name, content) in [("random", random), ("text", text)] {
    try rate("compression (zstd 3), \(name)") {
        try content.withUnsafeBytes { bytes in
            let compressor = try Compressor()
            for start in stride(from: 0, to: size, by: 1 << 16) {
                _ = compressor.compress(UnsafeRawBufferPointer(rebasing: bytes[start..<start + (1 << 16)]))
            }
        }
    }
}
