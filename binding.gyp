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
          "inputs": ["CMakeLists.txt", "scripts/build-native.js"],
          "outputs": ["<(PRODUCT_DIR)/kappaface.node"],
          "action": ["node", "scripts/build-native.js"],
        }
      ],
    }
  ]
}
