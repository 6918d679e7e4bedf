// swift-tools-version: 6.2
import PackageDescription

// C targets that carry files in the binary by #embed, which the compiler would flag as a C23 extension.
let embedding: [CSetting] = [.disableWarning("c23-extensions")]

// Layers from the bottom up; an arrow of the architecture is an entry in `dependencies`, and there are no cycles.
// System libraries come from the Debian packages listed in Sources/apt-packages.txt.
let package = Package(
  name: "Surety",
  products: [
    .executable(name: "surety", targets: ["surety"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
    .package(url: "https://github.com/attaswift/BigInt", exact: "6.0.1"),
  ],
  targets: [
    // System libraries: module map and shim, nothing else.
    .systemLibrary(name: "COpenCL", pkgConfig: "OpenCL"),
    .systemLibrary(name: "COneDNN"),
    .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg"),
    .systemLibrary(name: "CSPNG", pkgConfig: "spng"),
    .systemLibrary(name: "CZip", pkgConfig: "libzip"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto"),

    // C: kernel text, embedded assets, inner loops with intrinsics.
    .target(name: "KernelSources", path: "Kernels", cSettings: embedding),
    .target(name: "DemoAssets", cSettings: embedding),
    .target(name: "CSIMD"),
    .target(name: "CFusedBlocks"),
    .target(name: "CProofChecking"),

    .target(name: "Hashing", dependencies: ["CCrypto"]),
    .target(name: "Statistics"),
    .target(name: "Tensors"),
    .target(name: "Compute", dependencies: ["Tensors"]),
    .target(name: "Primitives", dependencies: ["Compute", "Tensors", "COneDNN", "CSIMD", "CFusedBlocks"]),
    .target(name: "CPUCompute", dependencies: ["Compute", "Tensors", "Primitives", "COneDNN", "CSIMD"]),
    .target(
      name: "OpenCLCompute", dependencies: ["Compute", "Tensors", "Hashing", "COpenCL", "KernelSources", "Primitives"]),
    .target(name: "Inputs", dependencies: ["CTurboJPEG", "CSPNG", "CZip", "CZlib"]),
    .target(name: "Networks", dependencies: ["Statistics"]),
    .target(name: "VNNLIB", dependencies: ["Networks", "Statistics", "Inputs"]),
    .target(name: "BranchAndBound", dependencies: ["Networks"]),
    .target(name: "CFalsifier"),
    .target(name: "Falsifier", dependencies: ["CFalsifier", "Networks", "Statistics"]),
    .target(name: "CGatherBounds"),
    .target(name: "GatherBounds", dependencies: ["CGatherBounds", "BranchAndBound", "Networks"]),
    .target(name: "CFusedBounds"),
    .target(name: "FusedBounds", dependencies: ["CFusedBounds", "BranchAndBound", "Networks"]),
    .target(name: "CBoundPropagation"),
    .target(name: "BoundPropagation", dependencies: ["CBoundPropagation", "BranchAndBound", "Networks"]),
    .target(
      name: "Witnesses",
      dependencies: ["Networks", "Statistics", "VNNLIB", .product(name: "BigInt", package: "BigInt")]),
    .target(name: "DeviceBounds", dependencies: ["BranchAndBound", "Networks", "Compute", "Tensors", "GatherBounds"]),
    .target(
      name: "Verification",
      dependencies: [
        "Networks", "BranchAndBound", "GatherBounds", "FusedBounds", "BoundPropagation", "DeviceBounds", "Compute",
        "Falsifier", "Witnesses", "Certificates", "Inputs",
      ]),
    .target(name: "Graphs", dependencies: ["Compute", "Primitives", "Tensors", "Networks"]),
    .target(name: "Operators", dependencies: ["Graphs", "Primitives", "Compute", "Tensors", "Networks"]),
    .target(
      name: "ONNXImport",
      dependencies: [
        "Graphs", "Operators", "Tensors", "Inputs", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .target(
      name: "SelfTest",
      dependencies: ["CPUCompute", "OpenCLCompute", "Primitives", "Compute", "Tensors"]),
    .target(name: "Certificates", dependencies: ["Hashing", "Networks", "CZlib"]),
    .target(
      name: "Smoothing",
      dependencies: [
        "Statistics", "Compute", "Primitives", "Graphs", "Tensors", "Certificates", "Inputs", "Hashing",
      ]),
    .target(
      name: "CertificateChecking",
      dependencies: [
        "Certificates", "Hashing", "Networks", "CProofChecking", .product(name: "BigInt", package: "BigInt"),
      ]),
    .target(name: "Reports", dependencies: ["Certificates"]),
    .executableTarget(
      name: "surety",
      dependencies: [
        "Statistics", "Tensors", "Compute", "Primitives", "CPUCompute", "OpenCLCompute", "Graphs", "Operators",
        "ONNXImport", "Inputs", "Smoothing", "Certificates", "CertificateChecking", "Reports", "SelfTest", "DemoAssets",
        "Hashing", "Networks", "VNNLIB", "Witnesses", "BranchAndBound", "Verification",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .testTarget(
      name: "DeviceBoundsTests",
      dependencies: [
        "DeviceBounds", "GatherBounds", "BranchAndBound", "Networks", "Compute", "OpenCLCompute", "CPUCompute",
        "TestSupport",
      ]),
    .testTarget(
      name: "SoundnessTests",
      dependencies: [
        "GatherBounds", "FusedBounds", "BoundPropagation", "DeviceBounds", "BranchAndBound", "Networks", "Graphs",
        "ONNXImport", "VNNLIB", "Compute", "CPUCompute", "OpenCLCompute", "TestSupport",
      ]),
    .testTarget(name: "CertificatesTests", dependencies: ["Certificates", "Hashing", "TestSupport"]),
    .testTarget(name: "StatisticsTests", dependencies: ["Statistics", "TestSupport"]),
    .testTarget(name: "VNNLIBTests", dependencies: ["VNNLIB", "Networks", "Statistics", "Inputs", "TestSupport"]),
    .testTarget(
      name: "FalsifierTests",
      dependencies: ["Falsifier", "Graphs", "Networks", "ONNXImport", "Statistics", "TestSupport", "VNNLIB"]),
    .testTarget(
      name: "WitnessesTests",
      dependencies: ["Witnesses", "VNNLIB", "ONNXImport", "Graphs", "Networks", "Statistics", "TestSupport"]),
    .testTarget(
      name: "FusedBoundsTests",
      dependencies: ["FusedBounds", "BranchAndBound", "Networks", "VNNLIB", "ONNXImport", "Graphs", "TestSupport"]),
    .testTarget(
      name: "GatherBoundsTests", dependencies: ["GatherBounds", "BranchAndBound", "Networks", "TestSupport"]),
    .testTarget(
      name: "BranchAndBoundTests",
      dependencies: [
        "BranchAndBound", "Networks", "Statistics", "CertificateChecking", "Certificates", "VNNLIB", "ONNXImport",
        "Graphs", "GatherBounds", "TestSupport",
      ]),
    .testTarget(
      name: "BoundPropagationTests",
      dependencies: ["BoundPropagation", "BranchAndBound", "Networks", "TestSupport"]),
    .testTarget(name: "ReportsTests", dependencies: ["Reports", "Certificates", "TestSupport"]),
    .testTarget(name: "InputsTests", dependencies: ["Inputs", "TestSupport"]),
    .testTarget(
      name: "ComputeTests",
      dependencies: ["Compute", "Primitives", "CPUCompute", "SelfTest", "OpenCLCompute", "Tensors", "TestSupport"]),
    .testTarget(
      name: "OpenCLTests",
      dependencies: ["OpenCLCompute", "CPUCompute", "Primitives", "Compute", "Tensors", "TestSupport"]),
    .testTarget(
      name: "ModelTests",
      dependencies: [
        "ONNXImport", "Operators", "Graphs", "Networks", "VNNLIB", "CPUCompute", "OpenCLCompute", "Inputs", "Tensors",
        "Compute", "Primitives", "TestSupport", "DemoAssets", "BoundPropagation", "BranchAndBound", "DeviceBounds",
        "FusedBounds", "GatherBounds",
      ]),
    .testTarget(
      name: "CertificateCheckingTests", dependencies: ["CertificateChecking", "Certificates", "Hashing", "TestSupport"]),
    .testTarget(
      name: "ProofCheckingTests",
      dependencies: [
        "CertificateChecking", "Certificates", "Networks", "Statistics", "Hashing", "ONNXImport", "VNNLIB",
        "BranchAndBound", "FusedBounds", "GatherBounds", "BoundPropagation", "TestSupport",
      ]),
    .testTarget(
      name: "SmoothingTests",
      dependencies: [
        "Smoothing", "CPUCompute", "OpenCLCompute", "ONNXImport", "Statistics", "Certificates", "TestSupport",
        "DemoAssets",
      ]),
    .testTarget(name: "CommandTests", dependencies: ["surety", "TestSupport", "Certificates", "Hashing", "Inputs"]),
  ]
)
