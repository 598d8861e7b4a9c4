<?php
// Run by tools/real_moodle.py inside a Moodle that it has just installed: php real_moodle.php DIR JSON
// Makes people, a course, a service user for learning plans, and connects the xAPI plugin. Harmless
// to run twice. These lines are ours; they only call Moodle's own functions.

define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/externallib.php');
require_once($CFG->dirroot . '/user/lib.php');
require_once($CFG->dirroot . '/course/lib.php');
require_once($CFG->dirroot . '/course/modlib.php');
require_once($CFG->dirroot . '/lib/enrollib.php');
require_once($CFG->dirroot . '/webservice/lib.php');

$given = json_decode(file_get_contents($argv[2]), true);
\core\session\manager::set_user(get_admin());

function rm_user(string $name, string $first, string $last, string $language, string $password): stdClass {
    global $DB, $CFG;
    if ($known = $DB->get_record('user', ['username' => $name])) {
        return $known;
    }
    $id = user_create_user((object) [
        'username' => $name, 'firstname' => $first, 'lastname' => $last, 'password' => $password,
        'email' => "$name@example.org", 'confirmed' => 1, 'mnethostid' => $CFG->mnet_localhost_id,
        'lang' => $language, 'auth' => 'manual',
    ], true, false);
    return $DB->get_record('user', ['id' => $id]);
}

function rm_page(stdClass $course, string $idnumber, string $name): stdClass {
    global $DB;
    if ($known = $DB->get_record('course_modules', ['course' => $course->id, 'idnumber' => $idnumber])) {
        return $known;
    }
    $made = create_module((object) [
        'modulename' => 'page', 'course' => $course->id, 'section' => 1, 'visible' => 1,
        'name' => $name, 'introeditor' => ['text' => '', 'format' => FORMAT_HTML, 'itemid' => 0],
        'content' => $name, 'contentformat' => FORMAT_HTML, 'display' => 5, 'printintro' => 0,
        'printlastmodified' => 0, 'visibleoncoursepage' => 1,
        'cmidnumber' => $idnumber, 'completion' => COMPLETION_TRACKING_MANUAL,
    ]);
    return $DB->get_record('course_modules', ['id' => $made->coursemodule]);
}

// What a test instance needs and a real one must not have: calls to loopback addresses.
foreach ($given['settings'] as $name => $value) {
    set_config($name, $value);
}

$DB->set_field('tool_usertours_tours', 'enabled', 0); // they would lie over what a script clicks

$people = [];
foreach ($given['people'] as [$name, $first, $last, $language]) {
    $people[$name] = rm_user($name, $first, $last, $language, $given['password']);
    set_user_preference('drawer-open-index', 0, $people[$name]); // it lies over what a picture shall show
}
set_user_preference('drawer-open-index', 0, get_admin());

if (!$course = $DB->get_record('course', ['shortname' => 'digital'])) {
    $course = create_course((object) [
        'fullname' => 'Digital im Dienst', 'shortname' => 'digital', 'category' => 1,
        'enablecompletion' => 1, 'format' => 'topics', 'numsections' => 2,
    ]);
}
$manual = enrol_get_plugin('manual');
foreach (enrol_get_instances($course->id, true) as $instance) {
    if ($instance->enrol !== 'manual') {
        continue;
    }
    foreach ($given['enrolled'] as $name => $role) {
        $manual->enrol_user($instance, $people[$name]->id, $DB->get_field('role', 'id', ['shortname' => $role]));
    }
}
$pages = [];
foreach ($given['pages'] as [$idnumber, $name]) {
    $pages[$idnumber] = (int) rm_page($course, $idnumber, $name)->id;
}

// The web service for learning plans: a service user with a role of its own, restricted to it.
$system = context_system::instance();
if (!$role = $DB->get_record('role', ['shortname' => 'roadmap'])) {
    $role = $DB->get_record('role', ['id' => create_role('roadMAP', 'roadmap', '')]);
    set_role_contextlevels($role->id, [CONTEXT_SYSTEM]);
}
foreach ($given['capabilities'] as $capability) {
    assign_capability($capability, CAP_ALLOW, $role->id, $system->id, true);
}
role_assign($role->id, $people['dienst']->id, $system->id);
$services = new webservice();
if (!$service = $DB->get_record('external_services', ['name' => 'roadMAP'])) {
    $id = $services->add_external_service((object) [
        'name' => 'roadMAP', 'shortname' => 'roadmap', 'enabled' => 1, 'restrictedusers' => 1,
        'downloadfiles' => 0, 'uploadfiles' => 0,
    ]);
    $service = $DB->get_record('external_services', ['id' => $id]);
    $services->add_ws_authorised_user((object) ['externalserviceid' => $id, 'userid' => $people['dienst']->id]);
}
foreach ($given['functions'] as $function) {
    if (!$services->service_function_exists($function, $service->id)) {
        $services->add_external_function_to_service($function, $service->id);
    }
}
$token = $DB->get_field('external_tokens', 'token', ['externalserviceid' => $service->id], IGNORE_MULTIPLE);
if (!$token) {
    $permanent = class_exists('\core_external\util') ? '\core_external\util::generate_token' : 'external_generate_token';
    $token = $permanent(EXTERNAL_TOKEN_PERMANENT, $service, $people['dienst']->id, $system);
}

// The xAPI plugin, if it is there.
$xapi = is_dir($CFG->dirroot . '/admin/tool/log/store/xapi');
if ($xapi && !empty($given['xapi'])) {
    foreach ($given['xapi'] as $name => $value) {
        set_config($name, $value, 'logstore_xapi');
    }
    set_config('enabled_stores', 'logstore_standard,logstore_xapi', 'tool_log');
}

purge_all_caches();
echo json_encode([
    'course' => (int) $course->id,
    'pages' => $pages,
    'people' => array_map(fn($user) => (int) $user->id, $people),
    'service_user' => (int) $people['dienst']->id,
    'service' => (int) $service->id,
    'token' => $token,
    'release' => $CFG->release,
    'xapi' => $xapi,
]), "\n";
