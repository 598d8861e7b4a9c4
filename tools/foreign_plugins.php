<?php
// Run by tools/real_moodle.py: lists the plugins in a checkout that are not part of Moodle itself, one
// folder a line. Needs no configuration and no database.

define('MOODLE_INTERNAL', true);
define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
define('IGNORE_COMPONENT_CACHE', true);
$root = rtrim($argv[1], '/');
$CFG = (object) [
    'dirroot' => $root, 'libdir' => "$root/lib", 'admin' => 'admin',
    'dataroot' => sys_get_temp_dir(), 'cachedir' => sys_get_temp_dir(),
];
require("$root/lib/classes/component.php");
spl_autoload_register(['core_component', 'classloader']);
foreach (core_component::get_plugin_types() as $type => $folder) {
    $standard = core_plugin_manager::standard_plugins_list($type) ?: [];
    foreach (core_component::get_plugin_list($type) as $name => $place) {
        if (!in_array($name, $standard)) {
            echo substr($place, strlen($root) + 1), "\n";
        }
    }
}
