import Base

/// A line for each tensor of a file: type, shape, mean and standard deviation, and a hash of its bytes.
enum TensorProfile {
    static func lines(_ file: TensorFile) throws -> [String] {
        var lines = ["tensors: \(file.tensors.count)"]
        lines += file.metadata.map { "metadata \($0.key): \($0.value)" }
        for tensor in file.tensors { lines.append(try line(tensor, file.source)) }
        return lines
    }

    private static func line(_ tensor: TensorFile.Tensor, _ source: ContentSource) throws -> String {
        let format = FloatFormat(rawValue: tensor.dtype)
        var hasher = SHA256Hasher()
        var count = 0.0
        var mean = 0.0
        var squares = 0.0
        try source.forEachPiece(from: tensor.range.lowerBound, to: tensor.range.upperBound) { piece in
            hasher.update(piece)
            guard let format else { return }
            // Welford's update (Knuth, TAOCP vol. 2, §4.2.2): no large sums cancel. Pieces hold whole values only.
            for place in stride(from: 0, through: piece.count - format.width, by: format.width) {
                let value = format.value(piece, at: place)
                count += 1
                let difference = value - mean
                mean += difference / count
                squares += difference * (value - mean)
            }
        }
        var text = "\(tensor.name): \(tensor.dtype) \(tensor.shape)"
        if count > 0 {
            text += ", mean \(Significant.text(mean, digits: 6))"
            text += ", std \(Significant.text((squares / count).squareRoot(), digits: 6))"
        }
        return text + ", sha256 \(hasher.finish().short)"
    }
}
