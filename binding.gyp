{
  # For node-gyp based tools (node-gyp rebuild, prebuildify): drives the one build there is, that of CMake.
  # GYP itself compiles nothing.
  "targets": [
    {
      "target_name": "kappaface",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": [
            "CMakeLists.txt",
            "<!@(node -p \"require('fs').readdirSync('native', {recursive: true}).filter((f) => /[.](cc|h)$/.test(f)).map((f) => 'native/' + f).join(' ')\")",
          ],
          "outputs": ["<(PRODUCT_DIR)/kappaface.node"],
          # Not in build/ itself, where the makefiles of GYP lie.
          "action": ["node", "scripts/build-native.js", "--out", "build/cmake"],
        }
      ],
    }
  ]
}
